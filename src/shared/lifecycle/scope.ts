/**
 * Ownership: what is added is ended once, in reverse order, with every error gathered. What is added after the end
 * is ended at once, so that nothing started late can leak.
 */
type End = () => void | Promise<void>;

export class Scope {
  readonly #ends: End[] = [];
  #closing: Promise<void> | null = null;

  async add(end: End): Promise<void> {
    if (this.#closing !== null) await end();
    else this.#ends.push(end);
  }

  /** Safe to call again: later calls wait for the first. Throws AggregateError when an end failed. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    const errors: unknown[] = [];
    for (let end = this.#ends.pop(); end; end = this.#ends.pop()) {
      try {
        await end();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'some parts did not end cleanly');
  }
}
