/**
 * `daemonctl keygen`: a key pair for those who release packages. Both files are whole or not there, and nothing that
 * is there is overwritten. Where the private key is kept, and who gets at it, is up to whoever makes it.
 */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { parsePublicKeys } from '../shared/packages/public-keys.ts';

export interface KeygenOptions {
  type: 'ed25519' | 'rsa' | 'ecdsa';
  /** Of `rsa`. */
  bits: number;
  /** Of `ecdsa`. */
  curve: string;
  /** The private key's file; the public key goes to `FILE.pub`. */
  out: string;
  /** Empty: the private key is not encrypted. */
  passphraseFile: string;
}

export interface KeyPair {
  privateFile: string;
  publicFile: string;
  keyId: string;
}

const LARGEST_SECRET_BYTES = 64 * 1024;

/** `what` for the error: `the private key`. The caller clears the bytes. Throws where others can get at the file. */
export function readSecret(path: string, what: string): Buffer {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // a pipe would be waited for
  } catch (cause) {
    throw new Error(`${what} ${path} cannot be opened`, { cause });
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile() || stat.size > LARGEST_SECRET_BYTES) throw new Error(`${what} ${path} is not a small file`);
    if ((stat.mode & 0o077) !== 0) {
      throw new Error(`${what} ${path} is open to its group or to others; run chmod 600 ${path}`);
    }
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** The first line of the file, as openssl's `-passin file:` has it; null where the path is empty. */
export function readPassphrase(path: string): Buffer | null {
  if (path === '') return null;
  const bytes = readSecret(path, 'the passphrase file');
  const end = bytes.indexOf('\n');
  const line = bytes.subarray(0, end < 0 ? bytes.length : end);
  if (line.length === 0) throw new Error(`the passphrase file ${path} is empty in its first line`);
  return line;
}

/** Whole under its name, which must be free, or not there. */
function writeNew(path: string, text: string, mode: number): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(file, text);
      fchmodSync(file, mode); // whatever the umask
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    linkSync(temporary, path); // a rename would replace
  } catch (cause) {
    throw new Error(`the key file ${path} cannot be written; nothing that is there is overwritten`, { cause });
  } finally {
    rmSync(temporary, { force: true });
  }
}

function makePair({ type, bits, curve }: KeygenOptions): { publicKey: KeyObject; privateKey: KeyObject } {
  switch (type) {
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: bits });
    case 'ecdsa':
      return generateKeyPairSync('ec', { namedCurve: curve });
  }
}

/** Writes FILE (PKCS#8, 0600) and FILE.pub (SPKI, 0644), or neither. */
export function keygen(options: KeygenOptions): KeyPair {
  const { out: privateFile, passphraseFile } = options;
  const publicFile = `${privateFile}.pub`;
  const passphrase = readPassphrase(passphraseFile);
  const { publicKey, privateKey } = makePair(options);
  const encryption = passphrase ? { cipher: 'aes-256-cbc', passphrase } : {};
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem', ...encryption }).toString();
  passphrase?.fill(0);
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  writeNew(privateFile, privatePem, 0o600);
  try {
    writeNew(publicFile, publicPem, 0o644);
  } catch (error) {
    rmSync(privateFile, { force: true });
    throw error;
  }
  const [key] = parsePublicKeys(publicPem, publicFile);
  return { privateFile, publicFile, keyId: key?.keyId ?? '' };
}
