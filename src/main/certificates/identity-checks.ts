/**
 * Whether certificates and a key belong together and hold now. Reads nothing. Whether the certificate is of the CA in
 * ca_file is not asked: the Manager's CA may be another than the one that signs its clients.
 */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { TLS_FILE_KEYS } from '../../shared/platform/tls-files.ts';
import { invalidityInWords, validityAt } from '../../shared/platform/validity.ts';
import { type FaultyFile, IdentityFault } from './identity-fault.ts';

/** A certificate as people call it. */
export function shownCertificate({ subject, serialNumber }: X509Certificate): string {
  return subject ? subject.split('\n').join(', ') : `serial ${serialNumber}`;
}

export function checkKeyMatch(
  key: KeyObject,
  chain: readonly X509Certificate[],
  keyFile: FaultyFile,
  certFile: FaultyFile,
): void {
  const position = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (position === 0) return;
  if (position > 0) {
    const what = `has the certificate of the key at place ${position + 1}`;
    throw new IdentityFault('key match', certFile, what, 'put it first, and the CAs that signed it behind it');
  }
  const what = `is not the key of the certificate in ${certFile.path}`;
  const advice = `give ${TLS_FILE_KEYS.certFile} and ${TLS_FILE_KEYS.keyFile} of one pair`;
  throw new IdentityFault('key match', keyFile, what, advice);
}

/** Each certificate must have been signed by the next one. */
export function checkChain(chain: readonly X509Certificate[], certFile: FaultyFile): void {
  for (const [n, certificate] of chain.entries()) {
    const issuer = chain[n + 1];
    if (!issuer || isSignedBy(certificate, issuer)) continue;
    const [one, other] = [shownCertificate(certificate), shownCertificate(issuer)];
    const what = `has a broken chain: certificate ${n + 2} (${other}) did not sign certificate ${n + 1} (${one})`;
    const advice = 'put behind each certificate the one that signed it, or leave the rest out';
    throw new IdentityFault('chain', certFile, what, advice);
  }
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false; // keys of different kinds
  }
}

export function checkDates(
  validity: { notBeforeMs: number; notAfterMs: number },
  certFile: FaultyFile,
  nowMs: number,
): void {
  const state = validityAt(validity, nowMs);
  if (state === 'valid') return;
  const advice =
    state === 'expired' ? "renew it, or set this host's clock right" : "set this host's clock right, or wait";
  throw new IdentityFault(state, certFile, `has a certificate that ${invalidityInWords(validity, nowMs)}`, advice);
}
