/**
 * `daemonctl sign`: signs a package, and a manifest of it, in one read. The files that it writes are what
 * `openssl dgst -sha256 -sign KEY` writes, raw; none of them is there in part. It does not look into the package, and
 * clears the bytes of the private key's file once the key is read.
 */
import {
  createPrivateKey,
  createPublicKey,
  createSign,
  constants as crypto,
  type KeyObject,
  randomBytes,
  sign as signSmall,
} from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { UpdateComponent } from '../shared/contracts/update.ts';
import { parseManifest, parseTime, renderManifest } from '../shared/packages/manifest.ts';
import { type PublicKey, parsePublicKeys } from '../shared/packages/public-keys.ts';
import { openPackage } from '../shared/packages/signature.ts';
import { readPassphrase, readSecret } from './keygen.ts';

/** What the manifest says besides what the package itself tells. */
export interface ManifestFacts {
  component: UpdateComponent;
  /** Empty with `daemon`. */
  agent: string;
  version: string;
  platform: string;
  arch: string;
  /** Unix milliseconds. */
  expiresMs: number;
  allowDowngrade: boolean;
}

export interface SignOptions {
  file: string;
  keyFile: string;
  /** Empty: the key is not encrypted. */
  passphraseFile: string;
  /** RSA-PSS in place of PKCS#1 v1.5. */
  pss: boolean;
  /** Null: the package is signed only. */
  manifest: ManifestFacts | null;
  /** Unix milliseconds. */
  nowMs: number;
}

export interface WrittenSignature {
  file: string;
  base64: string;
}

export interface Signed {
  sha256: string;
  bytes: number;
  keyId: string;
  /** Over the whole package; null with Ed25519. */
  signature: WrittenSignature | null;
  manifest: { file: string; signature: WrittenSignature } | null;
}

const SALT_BYTES = 32;
const DAY_MS = 24 * 3_600_000;
const UNIT_MS = new Map([
  ['h', 3_600_000],
  ['d', DAY_MS],
]);

interface SigningKey {
  key: KeyObject;
  facts: PublicKey;
  /** As Node's sign() takes it, the padding included. */
  how: { key: KeyObject; padding?: number; saltLength?: number };
}

function readPrivateKey(path: string, passphraseFile: string): KeyObject {
  const passphrase = readPassphrase(passphraseFile);
  const pem = readSecret(path, 'the private key');
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(passphrase ? { passphrase } : {}) });
  } catch (cause) {
    const encrypted = pem.includes('ENCRYPTED');
    let todo = 'give a PEM file of the private key';
    if (encrypted)
      todo = passphrase ? 'is that the right --passphrase-file?' : 'it is encrypted: give --passphrase-file';
    throw new Error(`the private key ${path} cannot be read; ${todo}`, { cause });
  } finally {
    pem.fill(0);
    passphrase?.fill(0);
  }
}

/** Throws D4002 (check: key) for a key that no daemon would take. */
function signingKey({ keyFile, passphraseFile, pss }: SignOptions): SigningKey {
  const key = readPrivateKey(keyFile, passphraseFile);
  const spki = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  const [facts] = parsePublicKeys(spki, keyFile);
  if (!facts) throw new Error(`there is no key in ${keyFile}`);
  const { kind } = facts;
  if (pss && kind !== 'rsa' && kind !== 'rsa-pss') throw new Error(`--pss is for RSA keys; ${keyFile} is none`);
  if (!pss && kind !== 'rsa-pss') return { key, facts, how: { key } };
  return { key, facts, how: { key, padding: crypto.RSA_PKCS1_PSS_PADDING, saltLength: SALT_BYTES } };
}

/** Each whole; they get their names once all are on disk, so that a full disk leaves none. */
function writeAll(files: ReadonlyMap<string, Buffer>): void {
  const staged = [...files].map(([path, content]) => {
    return { path, content, temporary: `${path}.${randomBytes(6).toString('hex')}.tmp` };
  });
  try {
    for (const { temporary, content } of staged) {
      const file = openSync(temporary, 'wx', 0o644);
      try {
        writeFileSync(file, content);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    }
    for (const { temporary, path } of staged) renameSync(temporary, path);
  } catch (cause) {
    throw new Error(`the signatures cannot be written to ${[...files.keys()].join(', ')}`, { cause });
  } finally {
    for (const { temporary } of staged) rmSync(temporary, { force: true });
  }
}

/** Writes FILE.sig, and with a manifest FILE.manifest.json and FILE.manifest.json.sig beside the package. */
export function sign(options: SignOptions): Signed {
  const { file, keyFile, manifest, nowMs } = options;
  const { facts, how } = signingKey(options);
  const whole = facts.kind !== 'ed25519';
  if (!whole && !manifest) {
    throw new Error(`${keyFile} is Ed25519, which signs manifests only; give --component, --version and the like`);
  }
  const signer = whole ? createSign('sha256') : null;
  const opened = openPackage(file, null);
  let sha256: string;
  try {
    sha256 = opened.read((chunk) => signer?.update(chunk));
  } finally {
    opened.close();
  }
  const { bytes } = opened;
  const files = new Map<string, Buffer>();
  const keep = (path: string, signature: Buffer): WrittenSignature => {
    files.set(path, signature);
    return { file: path, base64: signature.toString('base64') };
  };
  const signed: Signed = { sha256, bytes, keyId: facts.keyId, signature: null, manifest: null };
  if (signer) signed.signature = keep(`${file}.sig`, signer.sign(how));
  if (manifest) {
    const createdMs = nowMs - (nowMs % 1000);
    const text = renderManifest({ ...manifest, size: bytes, sha256, createdMs });
    parseManifest(text); // what no daemon would take is not signed
    const path = `${file}.manifest.json`;
    files.set(path, Buffer.from(text));
    const signature = signSmall(whole ? 'sha256' : null, Buffer.from(text), how);
    signed.manifest = { file: path, signature: keep(`${path}.sig`, signature) };
  }
  writeAll(files);
  return signed;
}

/** `90d`, `36h`, or a time in ISO 8601, UTC; gives Unix milliseconds, null where it is neither. */
export function parseExpiry(text: string, nowMs: number): number | null {
  const [, count, unit = ''] = /^(\d{1,5})([dh])$/.exec(text) ?? [];
  return count === undefined ? parseTime(text) : nowMs + Number(count) * (UNIT_MS.get(unit) ?? 0);
}
