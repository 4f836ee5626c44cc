/**
 * The error that the daemon shows to people: a code of the design document (7.1), a message that says what failed,
 * where, and what to do, and the cause. A message never repeats its cause's text: loggers print the chain.
 */
export type ErrorCode =
  | 'D1001' // configuration cannot be read or parsed
  | 'D1002' // configuration is invalid
  | 'D2001' // no connection to the Manager
  | 'D2002' // the Manager refused the registration
  | 'D2003' // a report or heartbeat was refused or failed
  | 'D3001' // an agent did not start
  | 'D3002' // an agent did not stop
  | 'D3003' // an agent failed its health check
  | 'D4001' // an update could not be downloaded
  | 'D4002' // an update failed verification
  | 'D4003' // an update could not be applied
  | 'D4004' // a rollback failed
  | 'D5001' // a collector failed
  | 'internal'; // a fault of the daemon itself: no code of the document fits

export interface DaemonErrorOptions {
  cause?: unknown;
  /** Whether the same attempt may succeed later without anybody changing anything. */
  retryable?: boolean;
}

export class DaemonError extends Error {
  override readonly name = 'DaemonError';
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: DaemonErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** The error itself where it is ours, else one labelled `internal` that keeps it as its cause. */
export function asDaemonError(error: unknown, doing: string): DaemonError {
  return error instanceof DaemonError ? error : new DaemonError('internal', doing, { cause: error });
}

/** One line for a person: the message and its causes, outermost first. */
export function describe(error: unknown): string {
  const parts: string[] = [];
  for (let e: unknown = error, depth = 0; e !== undefined && depth < 8; depth++) {
    parts.push(e instanceof Error ? e.message : String(e));
    e = e instanceof Error ? e.cause : undefined;
  }
  return parts.join(': ');
}
