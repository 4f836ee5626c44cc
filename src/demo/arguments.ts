/** The demo's command line. Pure: gives what was asked for, or throws an Error with one clear line. */
import { parseArgs } from 'node:util';

export const HELP = `usage: npm run demo -- [options]

Runs a Manager, the daemon and two agents on this machine and shows what the Manager receives.
Ctrl-C ends everything that was started.

  --for TIME   end by itself after TIME (20s, 2m)
  --fast       short intervals, so that a short run shows everything
  --json       print a summary as one JSON object, as the last line of standard output
  --help
`;

export interface DemoOptions {
  /** Null: until it is ended. */
  forMs: number | null;
  fast: boolean;
  json: boolean;
}

const HOUR_MS = 3_600_000;
const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: HOUR_MS };
const MAX_FOR_MS = 24 * HOUR_MS;

function parseFor(text: string): number {
  const found = /^(\d{1,9})(ms|s|m|h)$/.exec(text);
  const ms = Number(found?.[1]) * (UNITS[found?.[2] ?? ''] ?? Number.NaN);
  if (!(ms > 0 && ms <= MAX_FOR_MS))
    throw new Error(`--for ${text}: a time such as 20s or 2m is needed, a day at most`);
  return ms;
}

/** `help` in place of options where help was asked for. */
export function parseArguments(args: readonly string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      for: { type: 'string' },
      fast: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return { forMs: values.for === undefined ? null : parseFor(values.for), fast: values.fast, json: values.json };
}
