/**
 * The public keys that packages are checked with: one PEM file, several keys while one is being replaced. What is
 * not exactly a key that we take is refused (D4002, check: key), above all a private key, which OpenSSL would read as
 * a public one. It does not judge who may write to the file.
 */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { DaemonError } from '../errors/daemon-error.ts';

export type KeyKind = 'rsa' | 'rsa-pss' | 'ec' | 'ed25519';

export interface PublicKey {
  /** SHA-256 of its SPKI, hex. */
  keyId: string;
  kind: KeyKind;
  /** Length of its signatures: exact, with `ec` the most that it can be. */
  signatureBytes: number;
  key: KeyObject;
}

const LEAST_RSA_BITS = 2048;
const LARGEST_FILE_BYTES = 64 * 1024;
/** A SEQUENCE of two INTEGERs, each with up to a leading zero. */
const LONGEST_ECDSA_SIGNATURE = new Map([
  ['prime256v1', 72],
  ['secp384r1', 104],
]);
const TAKEN = 'RSA with 2048 bits or more, ECDSA on P-256 or P-384, Ed25519';
const HELP = `put PEM public keys there, one after another and nothing else (${TAKEN})`;

function refuse(where: string, why: string, todo = HELP, cause?: unknown): never {
  throw new DaemonError('D4002', `${where}: ${why}; ${todo} (check: key)`, { cause });
}

function refuseLabel(where: string, block: string, label: string): never {
  if (label.includes('PRIVATE KEY')) {
    const todo =
      'put the public key there (openssl pkey -in KEY -pubout), remove this one from the host, and replace the pair ' +
      'if others may have read it';
    refuse(where, `${block} is a private key, which must never be where packages are checked`, todo);
  }
  if (label.includes('CERTIFICATE')) {
    refuse(where, `${block} is a certificate`, `put its public key there (openssl x509 -in ${where} -pubkey -noout)`);
  }
  if (label === 'RSA PUBLIC KEY') {
    const todo = `write it in the general form (openssl rsa -RSAPublicKey_in -in ${where} -pubout)`;
    refuse(where, `${block} is in the form of PKCS#1`, todo);
  }
  refuse(where, `${block} is no public key but \`${label}\``);
}

/** The base64 text of each block. A line is never shown: it may be a piece of a private key. */
function blocksOf(pem: string, where: string): string[] {
  const blocks: string[] = [];
  let body: string | null = null;
  for (const [index, line] of pem.split('\n').entries()) {
    const text = line.trim();
    const block = `block ${blocks.length + 1}`;
    if (body !== null && text === '-----END PUBLIC KEY-----') {
      blocks.push(body);
      body = null;
    } else if (body !== null) {
      if (text.startsWith('-')) refuse(where, `${block} is not closed before line ${index + 1}`);
      body += text;
    } else if (text !== '') {
      const label = /^-----BEGIN ([A-Z0-9 ]{1,40})-----$/.exec(text)?.[1];
      if (label === undefined) refuse(where, `line ${index + 1}, before ${block}, belongs to no key`);
      if (label !== 'PUBLIC KEY') refuseLabel(where, block, label);
      body = '';
    }
  }
  if (body !== null) refuse(where, `block ${blocks.length + 1} is cut off`);
  return blocks;
}

/** Length of its signatures; a text where it is no key that we take, and says why. */
function signatureLength({ asymmetricKeyType: type, asymmetricKeyDetails: details = {} }: KeyObject): number | string {
  switch (type) {
    case 'rsa':
    case 'rsa-pss': {
      const { modulusLength = 0, hashAlgorithm } = details;
      if (modulusLength < LEAST_RSA_BITS) return `is RSA with ${modulusLength} bits only`;
      if (hashAlgorithm !== undefined && hashAlgorithm !== 'sha256') {
        return `is RSA-PSS for ${hashAlgorithm} only, where SHA-256 is used`;
      }
      return Math.ceil(modulusLength / 8);
    }
    case 'ec': {
      const curve = details.namedCurve ?? 'a curve without a name';
      return LONGEST_ECDSA_SIGNATURE.get(curve) ?? `is ECDSA on ${curve}`;
    }
    case 'ed25519':
      return 64;
    default:
      return `is of the type ${type}`;
  }
}

function keyOf(body: string, where: string, block: string): PublicKey {
  const der = Buffer.from(body, 'base64');
  // Node skips what is not base64, and OpenSSL what follows the key
  if (der.toString('base64') !== body) refuse(where, `${block} is not base64 throughout`);
  let key: KeyObject;
  try {
    // as DER and SPKI: from PEM, and from PKCS#1, a private key would be read as a public one
    key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch (cause) {
    refuse(where, `${block} cannot be read as a key`, HELP, cause);
  }
  if (!key.export({ type: 'spki', format: 'der' }).equals(der)) refuse(where, `${block} holds more than a key`);
  const signatureBytes = signatureLength(key);
  if (typeof signatureBytes === 'string') refuse(where, `${block} ${signatureBytes}`);
  const kind = key.asymmetricKeyType as KeyKind; // signatureLength knows no other
  return { keyId: createHash('sha256').update(der).digest('hex'), kind, signatureBytes, key };
}

/** `where` is the file's name, for the error. In the file's order, each key once. Throws D4002 (check: key). */
export function parsePublicKeys(pem: string, where: string): PublicKey[] {
  const keys = blocksOf(pem, where).map((body, index) => keyOf(body, where, `block ${index + 1}`));
  if (keys.length === 0) refuse(where, 'there is no key in it');
  return [...new Map(keys.map((key) => [key.keyId, key])).values()];
}

/** Throws D4002 (check: key), also where the file cannot be read. */
export function loadPublicKeys(path: string): PublicKey[] {
  let pem: string;
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // a pipe would be waited for
    try {
      const { size } = fstatSync(file);
      if (size > LARGEST_FILE_BYTES) throw new Error(`it has ${size} bytes, where keys take a few hundred`);
      pem = readFileSync(file, 'latin1');
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    refuse(path, 'the public keys for packages cannot be read', HELP, cause);
  }
  return parsePublicKeys(pem, path);
}
