/** How daemonctl ends, and the errors that say so. Documented in docs/daemonctl.md: scripts rely on these numbers. */
import { AnsweredError, UnreachableError } from './client.ts';
import { InterruptedError } from './interrupt.ts';

export const EXIT = { done: 0, failed: 1, usage: 2, unreachable: 3, noAgent: 4, refused: 5 } as const;

export const EXIT_CODES = `
Exit codes: 0 done, 1 failed or not valid, 2 wrong command line, 3 the daemon cannot be reached,
            4 no such agent, 5 refused by the daemon, 128+N ended by signal N.`;

/** No agent of that id is in the daemon's configuration. */
export class NoAgentError extends Error {
  override readonly name = 'NoAgentError';
}

/** It failed, and what was printed says so already. */
export class ToldError extends Error {
  override readonly name = 'ToldError';
}

/** A wrong command line that the parser of it cannot see. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof InterruptedError) return error.exitCode;
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof UnreachableError) return EXIT.unreachable;
  if (error instanceof NoAgentError) return EXIT.noAgent;
  // a fault of the daemon is no refusal
  if (error instanceof AnsweredError) return error.code === 'internal' ? EXIT.failed : EXIT.refused;
  return EXIT.failed;
}
