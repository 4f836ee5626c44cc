/**
 * Who may ask what of this host: by the names in the caller's certificate and by what the configuration allows. Pure.
 */
import type { PeerCertificate } from 'node:tls';
import { status } from '@grpc/grpc-js';
import { StatusError } from './status-error.ts';

export interface AccessRules {
  /** Empty: whoever the CA signed. */
  allowedNames: readonly string[];
  /** Operations, in the words of `remote.allow`. */
  allow: readonly string[];
}

/** Common name, DNS names and URIs of a certificate. */
export function namesOf(certificate: Pick<PeerCertificate, 'subject' | 'subjectaltname'> | undefined): string[] {
  const alternatives = certificate?.subjectaltname?.split(', ') ?? [];
  const names = alternatives.flatMap((name) => /^(?:DNS|URI):(.+)$/.exec(name)?.[1] ?? []);
  const common: unknown = certificate?.subject?.CN; // several, where a certificate has several
  return [...(Array.isArray(common) ? common.map(String) : common ? [String(common)] : []), ...names];
}

/** `operation` empty: one that does not exist, which is refused for that by others. Throws a StatusError, PERMISSION_DENIED. */
export function checkAccess(operation: string, callers: readonly string[], rules: AccessRules): void {
  const { allowedNames, allow } = rules;
  if (allowedNames.length > 0 && !callers.some((name) => allowedNames.includes(name))) {
    const who = callers.join(', ') || 'a certificate without a name';
    throw new StatusError(status.PERMISSION_DENIED, `${who} is none of server.allowed_names`);
  }
  if (operation === '' || allow.includes(operation)) return;
  throw new StatusError(status.PERMISSION_DENIED, `remote.allow of this host does not have ${operation}`);
}
