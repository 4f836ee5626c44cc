/** What goes out of the server as a gRPC status instead of an answer: a request that is wrong in itself. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  /** Of gRPC; never UNAVAILABLE or DEADLINE_EXCEEDED, on which the existing Manager stops calling. */
  readonly status: number;

  constructor(code: number, message: string) {
    super(message);
    this.status = code;
  }
}
