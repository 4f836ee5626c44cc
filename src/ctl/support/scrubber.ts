/**
 * Takes secrets out of texts that leave this host: those that are known word by word, and whatever looks like one.
 * Counts what it removes, by kind. Acts on nothing but its own counts.
 */
import { takeOutSecrets } from '../../shared/secrets/rules.ts';

export const REMOVED = '[removed]';

/** As it stands in JSON and in URLs, too. */
function spellings(secret: string): string[] {
  return [...new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])];
}

export class Scrubber {
  /** By kind. */
  readonly counts = new Map<string, number>();
  readonly #known: readonly string[];

  /** `known`: secrets word by word. */
  constructor(known: Iterable<string>) {
    // a secret that is part of another goes after it
    this.#known = [...new Set([...known].flatMap(spellings))].sort((a, b) => b.length - a.length);
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  scrub(text: string): string {
    let clean = text;
    for (const secret of this.#known) {
      const parts = clean.split(secret);
      if (parts.length > 1) this.#count('values of the configuration', parts.length - 1);
      clean = parts.join(REMOVED);
    }
    return takeOutSecrets(clean, (kind) => {
      this.#count(kind, 1);
      return REMOVED;
    });
  }

  #count(kind: string, times: number): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + times);
  }
}
