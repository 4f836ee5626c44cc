/** Asking a daemon that may be away for a moment, as when it replaces itself or is started again. */
import { UnreachableError } from './client.ts';

const AWAY_MS = 120_000;

export class Patience {
  #awaySinceMs: number | null = null;

  /** Whether the last question found nobody. */
  get isAway(): boolean {
    return this.#awaySinceMs !== null;
  }

  /** Null while it is away; throws as the question does once that has taken too long, and for any other error. */
  async ask<T>(question: () => Promise<T>): Promise<T | null> {
    try {
      const answer = await question();
      this.#awaySinceMs = null;
      return answer;
    } catch (error) {
      this.#awaySinceMs ??= performance.now();
      if (!(error instanceof UnreachableError) || performance.now() - this.#awaySinceMs > AWAY_MS) throw error;
      return null;
    }
  }
}
