/**
 * Who may ask what of this host: by the names in the caller's certificate and by what the configuration allows. Pure.
 */
import { status } from '@grpc/grpc-js';
import type { RemoteCaller } from '../../shared/contracts/remote.ts';
import { StatusError } from './status-error.ts';

export interface AccessRules {
  /** Empty: whoever the CA signed. */
  allowedNames: readonly string[];
  /** Operations, in the words of `remote.allow`. */
  allow: readonly string[];
  /** Nobody shows a certificate on the port. */
  plaintext: boolean;
}

/**
 * `operation` empty: one that does not exist, which is refused for that by others. Names are asked for on the port
 * only: whom the daemon dialled itself it has checked. Throws a StatusError, PERMISSION_DENIED.
 */
export function checkAccess(operation: string, { via, names }: RemoteCaller, rules: AccessRules): void {
  const { allowedNames, allow, plaintext } = rules;
  if (via === 'port' && allowedNames.length > 0) {
    if (plaintext) throw denied('server.allowed_names asks for a certificate, and server.tls is off');
    if (!names.some((name) => allowedNames.includes(name))) {
      throw denied(`${names.join(', ') || 'a certificate without a name'} is none of server.allowed_names`);
    }
  }
  if (operation === '' || allow.includes(operation)) return;
  throw denied(`remote.allow of this host does not have ${operation}`);
}

function denied(message: string): StatusError {
  return new StatusError(status.PERMISSION_DENIED, message);
}
