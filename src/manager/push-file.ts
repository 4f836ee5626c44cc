/**
 * A package on this machine as an update to push: what is not given is looked for beside the file. With a URL the file
 * stays here and the daemon fetches it from there.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { parseManifest } from '../shared/packages/manifest.ts';
import type { PushedUpdate } from './operation.ts';

export interface PushCommand {
  file?: string | undefined;
  agent?: string | undefined;
  component?: 'daemon' | 'agent' | undefined;
  url?: string | undefined;
  manifest?: string | undefined;
  sig?: string | undefined;
  sha256?: string | undefined;
  version?: string | undefined;
  retry?: boolean | undefined;
}

/** Of a message, 10 MiB, with room for the rest. */
const MAX_INLINE_BYTES = 10 * 1024 * 1024 - 64 * 1024;

function read(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Error(`${what} ${path} cannot be read`, { cause });
  }
}

/** Throws an Error that says what is missing. */
export function pushedUpdate({ file, url = '', ...command }: PushCommand): PushedUpdate {
  if (file === undefined && url === '') throw new Error('give the package: FILE, --url URL, or both');
  const beside = (suffix: string): string | undefined =>
    file !== undefined && existsSync(file + suffix) ? file + suffix : undefined;
  const manifestFile = command.manifest ?? (command.sig === undefined ? beside('.manifest.json') : undefined);
  const signatureFile = command.sig ?? (manifestFile === undefined ? beside('.sig') : `${manifestFile}.sig`);
  if (signatureFile === undefined) throw new Error('the package has no signature beside it: give --sig or --manifest');
  const manifest = manifestFile === undefined ? '' : read(manifestFile, 'the manifest').toString('utf8');
  const said = manifest === '' ? null : parseManifest(manifest);
  const version = command.version ?? said?.version;
  if (version === undefined) throw new Error('give the version with --version: there is no manifest that says it');
  const data = file === undefined ? null : read(file, 'the package');
  if (url === '' && data && data.length > MAX_INLINE_BYTES) {
    throw new Error(`${file} is too large to be sent inline (${data.length} bytes): give --url as well`);
  }
  const sha256 = command.sha256 ?? (data ? createHash('sha256').update(data).digest('hex') : '');
  if (sha256 === '' && manifest === '') throw new Error('give the SHA-256 of the package with --sha256');
  return {
    component: command.component ?? said?.component ?? 'agent',
    agent: command.agent ?? '',
    version,
    url,
    sha256,
    signature: read(signatureFile, 'the signature').toString('base64'),
    data: url === '' && data ? data.toString('base64') : '',
    manifest,
    retry: command.retry ?? false,
  };
}
