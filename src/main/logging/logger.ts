/**
 * The daemon's log: pino, one event a line, to a rotated file or to standard output. Errors carry their code and
 * the chain of their causes; secrets are taken out of the finished line.
 */
import { writeSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import type { Config } from '../../shared/config/schema.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { scrub } from '../../shared/secrets/rules.ts';
import { RotatingFile } from './rotating-file.ts';

export interface DaemonLog {
  log: Logger;
  /** Opens the file anew (SIGHUP). */
  reopen(): void;
  close(): void;
}

interface LoggedError {
  message: string;
  code?: string;
  stack?: string;
  cause?: LoggedError;
}

const DEEPEST_CAUSE = 8;

/** Message and code of each error of the chain; a stack only where a fault of the daemon is likely. */
export function loggedError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { message: String(error) };
  const code = 'code' in error ? String(error.code) : undefined;
  const faulty = !('code' in error) || (error instanceof DaemonError && error.code === 'internal');
  return {
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(faulty && error.stack ? { stack: error.stack } : {}),
    ...(error.cause === undefined || depth >= DEEPEST_CAUSE ? {} : { cause: loggedError(error.cause, depth + 1) }),
  };
}

const standardOutput = {
  write(line: string): void {
    const bytes = Buffer.from(line);
    for (let at = 0; at < bytes.length; ) {
      try {
        at += writeSync(1, bytes, at);
      } catch (error) {
        // a full pipe: its reader is behind, and the daemon does not wait for it
        if (error instanceof Error && 'code' in error && (error.code === 'EAGAIN' || error.code === 'EPIPE')) return;
        throw error;
      }
    }
  },
  reopen(): void {},
  close(): void {},
};

export function openLog(
  daemon: Pick<Config['daemon'], 'logFile' | 'logLevel' | 'logMaxBytes' | 'logMaxFiles'>,
): DaemonLog {
  const output =
    daemon.logFile === '-'
      ? standardOutput
      : new RotatingFile({ path: daemon.logFile, maxBytes: daemon.logMaxBytes, maxFiles: daemon.logMaxFiles });
  const log = pino(
    {
      level: daemon.logLevel,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => loggedError(error) },
    },
    { write: (line: string) => output.write(scrub(line)) },
  );
  return { log, reopen: () => output.reopen(), close: () => output.close() };
}
