/**
 * Errors as plain data, for the way between threads: code, retryability and the chain of causes survive it. An
 * unknown error becomes one labelled `internal`.
 */
import { DaemonError, type ErrorCode } from './daemon-error.ts';

export interface WireError {
  code: ErrorCode | null;
  /** The system's own code (ENOENT, ERR_…), where the error carries one. */
  systemCode: string | null;
  message: string;
  retryable: boolean;
  cause: WireError | null;
}

const DEEPEST_CAUSE = 8;

export function toWire(error: unknown, depth = 0): WireError {
  if (!(error instanceof Error)) {
    return { code: null, systemCode: null, message: String(error), retryable: false, cause: null };
  }
  const ours = error instanceof DaemonError;
  const systemCode = !ours && 'code' in error && typeof error.code === 'string' ? error.code : null;
  return {
    code: ours ? error.code : null,
    systemCode,
    message: error.message,
    retryable: ours && error.retryable,
    cause: error.cause === undefined || depth >= DEEPEST_CAUSE ? null : toWire(error.cause, depth + 1),
  };
}

function causeFromWire(wire: WireError): Error {
  const options = wire.cause ? { cause: causeFromWire(wire.cause) } : undefined;
  if (wire.code) return new DaemonError(wire.code, wire.message, { ...options, retryable: wire.retryable });
  const error = new Error(wire.message, options);
  return wire.systemCode ? Object.assign(error, { code: wire.systemCode }) : error;
}

export function fromWire(wire: WireError): DaemonError {
  const error = causeFromWire(wire);
  return error instanceof DaemonError ? error : new DaemonError('internal', 'a worker thread failed', { cause: error });
}
