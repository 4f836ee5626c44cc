/** From the command line of `daemonctl update` to a request: what is not given is looked for beside the package. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ControlVerbs } from '../shared/contracts/control.ts';
import { parseManifest } from '../shared/packages/manifest.ts';
import { UsageError } from './exit.ts';
import { targetOf } from './update-target.ts';

export interface UpdateCommand {
  file?: string;
  url?: string;
  version?: string;
  sha256?: string;
  sig?: string;
  manifest?: string;
  allowDowngrade?: boolean;
  retry?: boolean;
}

const LARGEST_SMALL = 64 * 1024;

function readSmall(path: string, what: string): Buffer {
  try {
    if (statSync(path).size > LARGEST_SMALL) throw new Error(`it is larger than ${LARGEST_SMALL} bytes`);
    return readFileSync(path);
  } catch (cause) {
    throw new Error(`${what} ${path} cannot be read`, { cause });
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Throws a UsageError where something is missing in the command line, an Error where a file cannot be read. */
export async function updateRequest(target: string, command: UpdateCommand): Promise<ControlVerbs['update']['input']> {
  const { file, url } = command;
  if ((file === undefined) === (url === undefined))
    throw new UsageError('give the package with either --file or --url');
  const path = file === undefined ? '' : resolve(file);
  const beside = (suffix: string): string | undefined =>
    path && existsSync(path + suffix) ? path + suffix : undefined;
  const manifestFile = command.manifest ?? (command.sig === undefined ? beside('.manifest.json') : undefined);
  const signatureFile = command.sig ?? (manifestFile === undefined ? beside('.sig') : `${manifestFile}.sig`);
  if (signatureFile === undefined)
    throw new UsageError('the package has no signature beside it: give --sig or --manifest');
  const manifest = manifestFile === undefined ? '' : readSmall(manifestFile, 'the manifest').toString('utf8');
  const version = command.version ?? (manifest ? parseManifest(manifest).version : undefined);
  if (version === undefined) throw new UsageError('give the version with --version: there is no manifest that says it');
  const sha256 = command.sha256 ?? (manifest || !path ? '' : await hashOf(path));
  if (sha256 === '' && manifest === '') throw new UsageError('give the SHA-256 of the package with --sha256');
  return {
    ...targetOf(target),
    version,
    source: url === undefined ? { kind: 'file', path, owned: false } : { kind: 'url', url },
    sha256,
    signature: readSmall(signatureFile, 'the signature').toString('base64'),
    manifest,
    allowDowngrade: command.allowDowngrade ?? false,
    retry: command.retry ?? false,
  };
}
