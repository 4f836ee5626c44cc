/**
 * `daemonctl verify`: checks a package as a host would, with its own signature, its manifest's, or both. Whether the
 * package suits a certain host is not asked; the manifest's dates, size and hash are checked.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import type { PackageCheck, PackageManifest } from '../shared/contracts/update.ts';
import { DaemonError } from '../shared/errors/daemon-error.ts';
import { checkManifest, parseManifest } from '../shared/packages/manifest.ts';
import { loadPublicKeys, type PublicKey } from '../shared/packages/public-keys.ts';
import { checkPackage, verifySmall } from '../shared/packages/signature.ts';

export interface VerifyOptions {
  file: string;
  publicKeyFile: string;
  /** Raw signature of the package; empty: none. Both empty: those beside the package. */
  signatureFile: string;
  /** With its signature beside it; empty: none. */
  manifestFile: string;
  /** Unix milliseconds. */
  nowMs: number;
}

export interface Verified {
  sha256: string;
  bytes: number;
  /** Of the key that signed the package itself; null where no such signature was checked. */
  keyId: string | null;
  manifest: { keyId: string; says: PackageManifest } | null;
}

const LARGEST_BYTES = 16 * 1024;

function refuse(check: PackageCheck, why: string, cause?: unknown): never {
  throw new DaemonError('D4002', `${why} (check: ${check})`, { cause });
}

function readSmall(path: string, check: PackageCheck, what: string): Buffer {
  try {
    const stat = statSync(path);
    if (!stat.isFile() || stat.size > LARGEST_BYTES)
      throw new Error(`it is not a file of at most ${LARGEST_BYTES} bytes`);
    return readFileSync(path);
  } catch (cause) {
    return refuse(check, `${what} ${path} cannot be read`, cause);
  }
}

/** Its signature first: nothing of an unsigned text is interpreted. */
function verifyManifest(path: string, keys: readonly PublicKey[], nowMs: number): NonNullable<Verified['manifest']> {
  const bytes = readSmall(path, 'manifest', 'the manifest');
  const signature = readSmall(`${path}.sig`, 'signature', 'the signature of the manifest');
  const { keyId } = verifySmall(keys, bytes, signature, 'the manifest');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    refuse('manifest', `the manifest ${path} is not UTF-8`, cause);
  }
  const says = parseManifest(text);
  const { component, agent, version, platform, arch, sha256 } = says;
  // for its dates: of the host it says nothing that could be compared here
  checkManifest(says, { component, agentType: 'custom', agentId: agent, version, platform, arch, nowMs, sha256 });
  return { keyId, says };
}

/** Throws D4002 with the first check that fails. */
export function verify({ file, publicKeyFile, signatureFile, manifestFile, nowMs }: VerifyOptions): Verified {
  const beside = signatureFile === '' && manifestFile === '';
  const found = (path: string): string => (beside && existsSync(path) ? path : '');
  const signaturePath = signatureFile || found(`${file}.sig`);
  const manifestPath = manifestFile || found(`${file}.manifest.json`);
  if (signaturePath === '' && manifestPath === '') {
    refuse(
      'signature',
      `beside ${file} there is neither a signature nor a manifest; name one with --sig or --manifest`,
    );
  }
  const keys = loadPublicKeys(publicKeyFile);
  const manifest = manifestPath === '' ? null : verifyManifest(manifestPath, keys, nowMs);
  const signed =
    signaturePath === ''
      ? null
      : { keys, signature: readSmall(signaturePath, 'signature', 'the signature of the package') };
  const { sha256, bytes, key } = checkPackage({
    path: file,
    sha256: manifest?.says.sha256 ?? null,
    bytes: manifest?.says.size ?? null,
    signed,
  });
  return { sha256, bytes, keyId: key?.keyId ?? null, manifest };
}
