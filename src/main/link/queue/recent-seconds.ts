/**
 * Which seconds of each type were seen lately, by equality: a clock that was set back brings seconds that were not seen
 * yet, and these are as good as any. Bounded: the oldest sight goes first. Pure.
 */
const SECONDS_A_TYPE = 1024;
const TYPES = 256;

export class RecentSeconds {
  readonly #seen = new Map<string, number[]>();

  /** False where this type and second were seen already. */
  add(type: string, second: number): boolean {
    const seconds = this.#seen.get(type) ?? [];
    if (seconds.includes(second)) return false;
    seconds.push(second);
    if (seconds.length > SECONDS_A_TYPE) seconds.shift();
    this.#seen.delete(type); // to the end of the order, so that the type that was seen longest ago is the first
    this.#seen.set(type, seconds);
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= TYPES) break;
      this.#seen.delete(oldest);
    }
    return true;
  }
}
