/** What an examination finds. Plain data: also what `daemonctl doctor --json` prints. */
export const OUTCOMES = ['ok', 'warning', 'failed', 'unknown'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface Finding {
  /** `certificates`, `permissions`, `space` …: the same for the same examination for ever. */
  check: string;
  /** What was looked at: a path, an address, an agent's id. */
  subject: string;
  outcome: Outcome;
  /** What was found, for a person. */
  found: string;
  /** What to do; empty only where all is well. */
  advice: string;
}

/** The findings of one examination. */
export class Findings {
  readonly all: Finding[] = [];
  readonly #check: string;

  constructor(check: string) {
    this.#check = check;
  }

  ok(subject: string, found: string): void {
    this.#add('ok', subject, found, '');
  }

  warning(subject: string, found: string, advice: string): void {
    this.#add('warning', subject, found, advice);
  }

  failed(subject: string, found: string, advice: string): void {
    this.#add('failed', subject, found, advice);
  }

  unknown(subject: string, found: string, advice: string): void {
    this.#add('unknown', subject, found, advice);
  }

  #add(outcome: Outcome, subject: string, found: string, advice: string): void {
    this.all.push({ check: this.#check, subject, outcome, found, advice });
  }
}
