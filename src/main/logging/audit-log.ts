/**
 * What the Manager asked for, one JSON line an operation, in a file of its own that is made with the first line. A file
 * that cannot be written fails no operation: the line goes to the daemon's log instead, and that is said once.
 */
import type { AuditEntry } from '../../shared/contracts/remote.ts';
import { RotatingFile } from './rotating-file.ts';
import { scrub } from './scrub.ts';

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

export function openAuditLog({ path, maxBytes, maxFiles, log }: AuditLogOptions): AuditLog {
  let file: RotatingFile | null = null;
  let failed = false;
  const intoLog = (entry: AuditEntry, level: 'debug' | 'info'): void => {
    log[level]({ event: 'operation', ...entry }, `${entry.operation} for the Manager: ${entry.outcome}`);
  };
  /** Null where it cannot be opened. */
  const opened = (): RotatingFile | null => {
    if (file) return file;
    try {
      file = new RotatingFile({ path, maxBytes, maxFiles });
      failed = false;
    } catch (err) {
      const what = 'the audit log cannot be opened, operations are told in this log';
      if (!failed) log.error({ event: 'audit-log', path, err }, what);
      failed = true;
    }
    return file;
  };
  return {
    write(entry) {
      const target = path === '-' ? null : opened();
      target?.write(scrub(`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`));
      intoLog(entry, target ? 'debug' : 'info');
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
