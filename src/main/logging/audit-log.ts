/**
 * What the Manager, or somebody on this host, asked for, one JSON line an operation, in a file of its own that is made with the first line. A file
 * that cannot be written fails no operation: the line goes to the daemon's log instead, and that is said once.
 */
import type { AuditEntry } from '../../shared/contracts/remote.ts';
import { scrub } from '../../shared/secrets/rules.ts';
import { RotatingFile } from './rotating-file.ts';

export interface AuditLogOptions {
  /** `-`: into the daemon's log. */
  path: string;
  maxBytes: number;
  /** Rotated files kept beside the current one. */
  maxFiles: number;
  log: {
    debug(fields: object, message?: string): void;
    info(fields: object, message?: string): void;
    error(fields: object, message?: string): void;
  };
}

export interface AuditLog {
  write(entry: AuditEntry): void;
  /** Opens the file anew (SIGHUP). */
  reopen(): void;
  close(): void;
}

/** Text by text: a rule that acts on a finished line may take a quote with it. */
function auditLine(entry: AuditEntry): string {
  const timed = { time: new Date().toISOString(), ...entry };
  return `${JSON.stringify(timed, (_, value: unknown) => (typeof value === 'string' ? scrub(value) : value))}\n`;
}

export function openAuditLog({ path, maxBytes, maxFiles, log }: AuditLogOptions): AuditLog {
  let file: RotatingFile | null = null;
  let failed = false;
  const failure = (err?: unknown): false => {
    const what = 'the audit log cannot be written, operations are told in this log';
    if (!failed) log.error({ event: 'audit-log', path, ...(err === undefined ? {} : { err }) }, what);
    failed = true;
    return false;
  };
  const written = (line: string): boolean => {
    try {
      file ??= new RotatingFile({ path, maxBytes, maxFiles });
    } catch (err) {
      return failure(err);
    }
    if (!file.write(line)) return failure();
    if (failed) log.info({ event: 'audit-log', path }, 'the audit log is written again');
    failed = false;
    return true;
  };
  return {
    write(entry) {
      const level = path !== '-' && written(auditLine(entry)) ? 'debug' : 'info';
      const who = entry.via === 'control' ? 'somebody on this host' : 'the Manager';
      log[level]({ event: 'operation', ...entry }, `${entry.operation} for ${who}: ${entry.outcome}`);
    },
    reopen() {
      try {
        file?.reopen();
      } catch (err) {
        log.error({ event: 'audit-log', path, err }, 'the audit log cannot be opened anew, the open file stays in use');
      }
    },
    close() {
      file?.close();
      file = null;
    },
  };
}
