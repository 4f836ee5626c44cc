/**
 * Looking through all processes is the dearest thing that the supervisor does. Who asks while a look is under way gets
 * the next one, and everybody who waits for the next one shares it: each answer is newer than its question.
 */
export class BatchedScan<T> {
  readonly #scan: () => Promise<T>;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<T> | null = null;

  constructor(scan: () => Promise<T>) {
    this.#scan = scan;
  }

  ask(): Promise<T> {
    this.#next ??= this.#afterRunning();
    return this.#next;
  }

  async #afterRunning(): Promise<T> {
    await this.#running.catch(() => {}); // its askers have the error
    const scan = this.#scan();
    this.#running = scan;
    this.#next = null;
    return scan;
  }
}
