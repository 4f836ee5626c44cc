/** What a certificate says of itself, in the daemon's own terms. Judges nothing. */
import type { X509Certificate } from 'node:crypto';
import type { CertificateFacts } from '../contracts/identity.ts';

export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: [...commonNames(certificate), ...alternativeNames(certificate, ['DNS', 'URI'])],
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
  };
}

/** Node gives each part a line of its own; a certificate may be without a subject. */
function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').join(', ');
}

function commonNames(certificate: X509Certificate): string[] {
  const { subject } = certificate.toLegacyObject();
  const common: unknown = subject?.CN; // several, where a certificate has several
  if (Array.isArray(common)) return common.map(String);
  return typeof common === 'string' ? [common] : [];
}

/**
 * Subject alternative names of these kinds, in Node's words for them (`IP Address`). A value that could be taken for
 * more than one name comes quoted from Node, and is one name here.
 */
export function alternativeNames(certificate: X509Certificate, kinds: readonly string[]): string[] {
  const text = certificate.subjectAltName ?? '';
  const names: string[] = [];
  for (const [, kind = '', quoted, plain = ''] of text.matchAll(/([^:,]+):(?:("(?:[^"\\]|\\.)*")|([^,]*))(?:, |$)/gy)) {
    if (kinds.includes(kind)) names.push(quoted === undefined ? plain : unquoted(quoted));
  }
  return names;
}

function unquoted(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return quoted; // not as Node quotes: then it is no name that anybody asks for
  }
}
