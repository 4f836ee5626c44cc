/** Signals that end a program, as an AbortSignal, for what has to clean up first. */
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  /** As a shell has it. */
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(`ended by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

export interface Interruptible {
  signal: AbortSignal;
  /** Lets signals do again what they do by themselves. */
  end(): void;
}

export function interruptible(): Interruptible {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => controller.abort(new InterruptedError(name));
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    end: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
