/**
 * Makes an identity of what was read from the files, once every check has passed that can be made without a
 * connection. The key's bytes are cleared where it fails, and where they are not wanted afterwards.
 */
import { createHash, createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import type { Identity } from '../../shared/contracts/identity.ts';
import type { TlsFilePaths } from '../../shared/contracts/pool-tasks.ts';
import { certificateFacts } from '../../shared/platform/certificate-facts.ts';
import {
  TLS_FILE_KEYS,
  type TlsFileContents,
  type TlsFileName,
  tls13Context,
} from '../../shared/platform/tls-files.ts';
import type { DatedCertificate } from './expiry.ts';
import { checkChain, checkDates, checkKeyMatch, shownCertificate } from './identity-checks.ts';
import { type FaultyFile, IdentityFault } from './identity-fault.ts';
import { certificatesIn, UnreadableCertificate } from './pem.ts';

export interface LoadedIdentity {
  identity: Identity;
  /** Hexadecimal. */
  serial: string;
  /** Every certificate of the files, the daemon's own first. */
  certificates: readonly DatedCertificate[];
}

export interface MakeOptions {
  nowMs: number;
  /** For serving; otherwise the key's bytes are cleared. */
  keepKey: boolean;
}

/** Changes with any byte, and with a byte that moves from one file to the next. */
export function digestOf({ cert, ca, key, passphrase }: TlsFileContents): string {
  const hash = createHash('sha256');
  for (const part of [cert, ca, key, Buffer.from(passphrase)]) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex');
}

/** Throws an IdentityFault. */
export function makeIdentity(contents: TlsFileContents, paths: TlsFilePaths, options: MakeOptions): LoadedIdentity {
  const digest = digestOf(contents);
  let keep = options.keepKey;
  try {
    return make(contents, paths, digest, options);
  } catch (error) {
    keep = false;
    throw error;
  } finally {
    if (!keep) contents.key.fill(0);
  }
}

function make(
  { cert, ca, key, passphrase }: TlsFileContents,
  paths: TlsFilePaths,
  digest: string,
  { nowMs, keepKey }: MakeOptions,
): LoadedIdentity {
  const file = (name: TlsFileName): FaultyFile => ({ name, path: paths[name] ?? '' });
  const chain = readCertificates(cert, file('certFile'), 'certificate');
  const authorities = readCertificates(ca, file('caFile'), 'CA certificate');
  const [own] = chain;
  checkKeyMatch(readKey(key, passphrase, paths), chain, file('keyFile'), file('certFile'));
  checkChain(chain, file('certFile'));
  const facts = certificateFacts(own);
  checkDates(facts, file('certFile'), nowMs);
  let context: Identity['context'];
  try {
    context = tls13Context({ cert, ca, key, passphrase });
  } catch (cause) {
    const advice = 'see what OpenSSL says; a key may be too short, or of a kind that TLS 1.3 does not take';
    throw new IdentityFault('identity', file('certFile'), 'does not make a TLS identity with its key', advice, cause);
  }
  return {
    identity: {
      context,
      pem: { ca, cert, key, passphrase: keepKey ? passphrase : '' },
      digest,
      certificate: facts,
    },
    serial: own.serialNumber,
    certificates: [
      ...chain.map((certificate, n) => dated(certificate, n === 0 ? 'own' : 'chain')),
      ...authorities.map((certificate) => dated(certificate, 'CA')),
    ],
  };
}

function dated(certificate: X509Certificate, role: DatedCertificate['role']): DatedCertificate {
  const { fingerprint256: fingerprint, validTo } = certificate;
  return { role, fingerprint, subject: shownCertificate(certificate), notAfterMs: Date.parse(validTo) };
}

function readCertificates(
  pem: Buffer,
  file: FaultyFile,
  check: 'certificate' | 'CA certificate',
): [X509Certificate, ...X509Certificate[]] {
  const advice = `give a PEM file with the ${check} (-----BEGIN CERTIFICATE-----)`;
  try {
    const [first, ...others] = certificatesIn(pem);
    if (first) return [first, ...others];
  } catch (cause) {
    const place = cause instanceof UnreadableCertificate ? `certificate ${cause.position}` : 'a certificate';
    throw new IdentityFault(check, file, `has a damaged PEM: ${place} cannot be read`, advice, cause);
  }
  throw new IdentityFault(check, file, 'has no certificate in PEM', advice);
}

function readKey(key: Buffer, passphrase: string, paths: TlsFilePaths): KeyObject {
  const keyFile: FaultyFile = { name: 'keyFile', path: paths.keyFile };
  const encrypted = key.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----') || key.includes('Proc-Type: 4,ENCRYPTED');
  const passphraseFile = paths.keyPassphraseFile ?? '';
  if (encrypted && passphraseFile === '') {
    const advice = `name the file that has it in ${TLS_FILE_KEYS.keyPassphraseFile}`;
    throw new IdentityFault('passphrase', keyFile, 'is encrypted and there is no passphrase for it', advice);
  }
  try {
    return createPrivateKey({ key, ...(encrypted ? { passphrase } : {}) });
  } catch (cause) {
    if (encrypted) {
      const file: FaultyFile = { name: 'keyPassphraseFile', path: passphraseFile };
      const advice = 'put the right one there, or another key';
      throw new IdentityFault('passphrase', file, `does not open the key in ${paths.keyFile}`, advice, cause);
    }
    const advice = 'give a PEM file with the private key (-----BEGIN PRIVATE KEY-----)';
    throw new IdentityFault('key', keyFile, 'has no private key in PEM', advice, cause);
  }
}
