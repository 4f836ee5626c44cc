/**
 * Whether one of our keys signed a package or a manifest. Every signature is over SHA-256, as `openssl dgst -sha256
 * -sign KEY` makes it, with RSA (PKCS#1 v1.5 or PSS) and ECDSA keys alike; Ed25519 signs manifests only, since it
 * wants all bytes at once. A package is read once, for hash and signature, into one buffer; the verdict is OpenSSL's.
 */
import { createHash, createVerify, constants as crypto, publicDecrypt, timingSafeEqual, verify } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { PackageCheck } from '../contracts/update.ts';
import { DaemonError } from '../errors/daemon-error.ts';
import type { PublicKey } from './public-keys.ts';

type Scheme = 'pkcs1' | 'pss' | 'ecdsa' | 'ed25519';

/** A key that can have made a signature, and how. */
export interface Candidate {
  key: PublicKey;
  scheme: Scheme;
}

const LONGEST_BASE64 = 8192;
const BUFFER_BYTES = 1024 * 1024;
const DER_SEQUENCE = 0x30;
const OPTIONS = {
  pkcs1: { padding: crypto.RSA_PKCS1_PADDING },
  // of any length: openssl makes it as long as the key lets it, we as long as the hash
  pss: { padding: crypto.RSA_PKCS1_PSS_PADDING, saltLength: crypto.RSA_PSS_SALTLEN_AUTO },
  ecdsa: {},
  ed25519: {},
} satisfies Record<Scheme, object>;

function refuse(check: PackageCheck, why: string, cause?: unknown): never {
  throw new DaemonError('D4002', `${why} (check: ${check})`, { cause });
}

/** `of` says what it signs, for the error: `the manifest`. Throws D4002 (check: signature). */
export function decodeSignature(base64: string, of: string): Buffer {
  if (base64 === '') refuse('signature', `the signature of ${of} is empty; send it in base64`);
  if (base64.length > LONGEST_BASE64) {
    refuse('signature', `the signature of ${of} has ${base64.length} characters, ${LONGEST_BASE64} are the most`);
  }
  const bytes = Buffer.from(base64, 'base64');
  // Node skips what does not belong there
  if (bytes.toString('base64') !== base64) {
    refuse('signature', `the signature of ${of} is not base64 throughout; make it with base64 -w0`);
  }
  return bytes;
}

/** What an RSA signature holds once the key is applied tells the scheme apart; it proves nothing. */
function rsaSchemes({ key }: PublicKey, signature: Buffer): Scheme[] {
  let block: Buffer;
  try {
    block = publicDecrypt({ key, padding: crypto.RSA_NO_PADDING }, signature);
  } catch {
    return []; // a number above the modulus: not made with this key
  }
  const schemes: Scheme[] = [];
  if (block[0] === 0x00 && block[1] === 0x01 && block[2] === 0xff) schemes.push('pkcs1');
  if (block.at(-1) === 0xbc) schemes.push('pss');
  return schemes;
}

function schemesOf(key: PublicKey, signature: Buffer): Scheme[] {
  if (key.kind === 'ec') {
    return signature[0] === DER_SEQUENCE && signature.length <= key.signatureBytes ? ['ecdsa'] : [];
  }
  if (signature.length !== key.signatureBytes) return [];
  if (key.kind === 'ed25519') return ['ed25519'];
  return key.kind === 'rsa' ? rsaSchemes(key, signature) : ['pss'];
}

/** Who can have made it at all: each one more costs another pass of hashing, so that few should be tried. */
export function candidates(keys: readonly PublicKey[], signature: Buffer): Candidate[] {
  return keys.flatMap((key) => schemesOf(key, signature).map((scheme) => ({ key, scheme })));
}

const NO_KEY = 'is by none of the keys; sign with the private key of one of them, or add the public key';

/** The key that signed it. Throws D4002 (check: signature). `what` as with `decodeSignature`. */
export function verifySmall(keys: readonly PublicKey[], bytes: Buffer, signature: Buffer, what: string): PublicKey {
  const found = candidates(keys, signature).find(({ key: { key }, scheme }) =>
    verify(scheme === 'ed25519' ? null : 'sha256', bytes, { key, ...OPTIONS[scheme] }, signature),
  );
  return found?.key ?? refuse('signature', `the signature of ${what} ${NO_KEY}, and check that nothing was changed`);
}

interface PackageVerifier {
  update(chunk: Buffer): void;
  /** The key that signed what came. Throws D4002 (check: signature). */
  verdict(): PublicKey;
}

/** Throws D4002 (check: signature) where no key can have made it, before a byte is read. */
function packageVerifier(keys: readonly PublicKey[], signature: Buffer): PackageVerifier {
  const possible = candidates(keys, signature);
  const verifiers = possible
    .filter(({ scheme }) => scheme !== 'ed25519')
    .map(({ key, scheme }) => ({ key, scheme, sum: createVerify('sha256') }));
  if (verifiers.length === 0) {
    if (possible.length > 0 || keys.every(({ kind }) => kind === 'ed25519')) {
      refuse('signature', 'Ed25519 cannot sign a whole package; sign a manifest of it (daemonctl sign)');
    }
    refuse('signature', `the signature of the package ${NO_KEY}`);
  }
  return {
    update(chunk) {
      for (const { sum } of verifiers) sum.update(chunk);
    },
    verdict() {
      const found = verifiers.find(({ key: { key }, scheme, sum }) =>
        sum.verify({ key, ...OPTIONS[scheme] }, signature),
      );
      if (found) return found.key;
      return refuse('signature', 'the signature does not fit the package: one of them was changed, or is of another');
    },
  };
}

/** An open package, to be read once and closed. */
export interface OpenPackage {
  bytes: number;
  /** SHA-256, hex. `onChunk` gets the same buffer each time. Throws D4002 (check: size) where the size has changed. */
  read(onChunk: (chunk: Buffer, done: number) => void): string;
  close(): void;
}

/** Throws D4002 (check: source) for what is no file of ours to read, (check: size) where it is not `bytes` long. */
export function openPackage(path: string, bytes: number | null): OpenPackage {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK); // a pipe would be waited for
  } catch (cause) {
    refuse('source', `the package ${path} cannot be opened`, cause);
  }
  const stat = fstatSync(file);
  const why = stat.isFile() ? sizeFault(path, stat.size, bytes) : null;
  if (!stat.isFile() || why !== null) {
    closeSync(file);
    refuse(why === null ? 'source' : 'size', why ?? `the package ${path} is no regular file`);
  }
  return {
    bytes: stat.size,
    read: (onChunk) => readPackage(file, path, stat.size, onChunk),
    close: () => closeSync(file),
  };
}

function sizeFault(path: string, found: number, expected: number | null): string | null {
  if (expected === null || found === expected) return null;
  return `the package ${path} has ${found} bytes where ${expected} are announced; fetch or build it anew`;
}

function readPackage(
  file: number,
  path: string,
  bytes: number,
  onChunk: (chunk: Buffer, done: number) => void,
): string {
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  const sum = createHash('sha256');
  let done = 0;
  for (;;) {
    let count: number;
    try {
      count = readSync(file, buffer, 0, buffer.length, null);
    } catch (cause) {
      refuse('source', `the package ${path} cannot be read beyond byte ${done}`, cause);
    }
    if (count === 0) break;
    done += count;
    if (done > bytes) break; // it may grow for ever
    const chunk = buffer.subarray(0, count);
    sum.update(chunk);
    onChunk(chunk, done);
  }
  if (done !== bytes) refuse('size', `the package ${path} was changed while it was read; nobody may write to it`);
  return sum.digest('hex');
}

export interface PackageChecks {
  path: string;
  /** Hex, in either case; null where nobody says. */
  sha256: string | null;
  /** Null where nobody says. */
  bytes: number | null;
  /** Null where a manifest was signed. */
  signed: { signature: Buffer; keys: readonly PublicKey[] } | null;
}

export interface CheckedPackage {
  sha256: string;
  bytes: number;
  /** Null without a signature of its own. */
  key: PublicKey | null;
}

/**
 * Size, signature, hash, in one read; blocks the thread, so a worker's. Throws D4002 with the first that fails in
 * this order. Memory does not depend on the size.
 */
export function checkPackage(
  { path, sha256: expected, bytes, signed }: PackageChecks,
  onProgress: (progress: { done: number; total: number }) => void = () => {},
): CheckedPackage {
  if (expected !== null && !/^[0-9a-f]{64}$/i.test(expected)) {
    refuse('hash', 'the SHA-256 that is announced for the package is not 64 hexadecimal digits; see sha256sum');
  }
  const opened = openPackage(path, bytes);
  try {
    const verifier = signed && packageVerifier(signed.keys, signed.signature);
    const sha256 = opened.read((chunk, done) => {
      verifier?.update(chunk);
      onProgress({ done, total: opened.bytes });
    });
    const key = verifier?.verdict() ?? null;
    if (expected !== null && !timingSafeEqual(Buffer.from(expected, 'hex'), Buffer.from(sha256, 'hex'))) {
      const why = `the package ${path} has the SHA-256 ${sha256} where ${expected.toLowerCase()} is announced`;
      refuse('hash', `${why}; fetch it anew, or announce the right one`);
    }
    return { sha256, bytes: opened.bytes, key };
  } finally {
    opened.close();
  }
}
