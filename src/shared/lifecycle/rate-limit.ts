/** A token bucket: so many at once, and so many a second after that. Time comes in with each question. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #askedMs: number | null = null;

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Whether one more may pass. `nowMs`: monotonic milliseconds. */
  take(nowMs: number): boolean {
    const passedMs = Math.max(0, nowMs - (this.#askedMs ?? nowMs));
    this.#askedMs = nowMs;
    this.#tokens = Math.min(this.#burst, this.#tokens + (passedMs / 1000) * this.#perSecond);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
