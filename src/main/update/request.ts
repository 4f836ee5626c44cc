/**
 * The form of a request for an update, checked before anything is done for it. Pure. Throws D4002 that names the check
 * and the field.
 */
import type { UpdateRequest } from '../../shared/contracts/update.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { isVersion } from './versions.ts';

const SHA256 = /^[0-9a-f]{64}$/i;
const MAX_VERSION = 50;

function refuse(message: string): never {
  throw new DaemonError('D4002', message);
}

/** Without blanks around its texts, and with its hash in lower case. */
export function checkRequest(request: UpdateRequest): UpdateRequest {
  const version = request.version.trim().replace(/^[=v\s]+/, ''); // as semver reads it; it becomes a folder's name
  const sha256 = request.sha256.trim().toLowerCase();
  const signature = request.signature.replace(/\s+/g, '');
  const agentId = request.agentId.trim();
  if (request.component === 'daemon' && agentId !== '') refuse('a daemon update names an agent (check: component)');
  if (request.component === 'agent' && agentId === '') refuse('an agent update needs agent_id (check: component)');
  if (version === '' || version.length > MAX_VERSION || !isVersion(version)) {
    refuse(`version "${version.slice(0, MAX_VERSION)}" is no version such as 1.2.3 (check: version)`);
  }
  if (sha256 !== '' && !SHA256.test(sha256)) refuse('hash is not a SHA-256 in hex, 64 digits (check: hash)');
  if (sha256 === '' && request.manifest === '') refuse('neither a hash nor a signed manifest is given (check: hash)');
  if (signature === '') refuse('the package is not signed: signature is empty (check: signature)');
  if (request.origin === 'manager' && request.allowDowngrade) {
    refuse('only a signed manifest, or somebody on this host, can allow a lower version (check: version)');
  }
  return { ...request, version, sha256, signature, agentId };
}

/** Whether two requests ask for the same, so that the second one joins the first. */
export function isSameRequest(a: UpdateRequest, b: UpdateRequest): boolean {
  const same = a.component === b.component && a.agentId === b.agentId && a.version === b.version;
  return same && a.sha256 === b.sha256 && a.signature === b.signature;
}

/**
 * Whether the version may replace the running one: it must be higher. `running` empty: nobody knows it, then any may.
 * Throws D4002.
 */
export function checkVersion(running: string, next: string, allowDowngrade: boolean, compared: number | null): void {
  if (running === '' || allowDowngrade) return;
  if (compared === null) refuse(`the running version "${running}" cannot be compared with ${next} (check: version)`);
  if (compared < 0) return;
  const how = compared === 0 ? 'is the running one' : `is lower than the running one, ${running}`;
  refuse(`version ${next} ${how}: it must be higher (check: version)`);
}
