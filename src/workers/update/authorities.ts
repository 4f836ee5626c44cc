/**
 * The authorities that hosts other than our own Manager are checked against: those that Node brings, and those of
 * NODE_EXTRA_CA_CERTS. Spelled out for each download: the launcher keeps Node from loading either, since they would
 * stay in memory for as long as the daemon runs.
 */
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { DaemonError } from '../../shared/errors/daemon-error.ts';

/** PEM. Throws D4001 where the file of further ones cannot be read. */
export function systemAuthorities(furtherFile: string): string[] {
  if (!furtherFile) return [...rootCertificates];
  try {
    return [...rootCertificates, readFileSync(furtherFile, 'utf8')];
  } catch (cause) {
    const message = `the package could not be downloaded: ${furtherFile}, which NODE_EXTRA_CA_CERTS names, is unreadable`;
    throw new DaemonError('D4001', message, { cause });
  }
}
