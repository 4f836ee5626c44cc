/**
 * Messages on their way out of a stream, one at a time: the next one goes when the one before has been handed to the
 * network. grpc-js itself would take sixteen of any size. Whoever fills it looks at `backed` and stops for as long as
 * something waits. Tells once when nothing has moved for too long.
 */
export interface OutletOptions {
  /** `written` is called when there is room for another. */
  write(bytes: Uint8Array, written: () => void): void;
  /** Nothing waits any more. */
  onClear(): void;
  onStalled(): void;
  after(delayMs: number, name: string, run: () => void): () => void;
}

/** How long a message may wait for the other side to read. */
export const STALLED_MS = 60_000;

interface Message {
  bytes: Uint8Array;
  sent: () => void;
}

export class MessageOutlet {
  readonly #options: OutletOptions;
  readonly #waiting: Message[] = [];
  #writing = false;
  #ended = false;
  #cancelWatch: () => void = () => {};

  constructor(options: OutletOptions) {
    this.#options = options;
  }

  /** Whether messages wait behind the one that is being written. */
  get backed(): boolean {
    return this.#waiting.length > 0;
  }

  /** `sent` is called when the message was handed over; never where the stream ended before. */
  send(bytes: Uint8Array, sent: () => void = () => {}): void {
    if (this.#ended) return;
    this.#waiting.push({ bytes, sent });
    this.#next();
  }

  /** What still waits is dropped. */
  end(): void {
    this.#ended = true;
    this.#waiting.length = 0;
    this.#cancelWatch();
  }

  #next(): void {
    if (this.#writing || this.#ended) return;
    const message = this.#waiting.shift();
    if (!message) return;
    this.#writing = true;
    this.#cancelWatch = this.#options.after(STALLED_MS, 'stream stalled', () => this.#options.onStalled());
    this.#options.write(message.bytes, () => {
      if (this.#ended) return;
      this.#cancelWatch();
      this.#writing = false;
      message.sent();
      this.#next();
      if (!this.backed) this.#options.onClear();
    });
  }
}
