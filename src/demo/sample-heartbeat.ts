/** What the sample agent says about itself, and its command line. Pure. */

/** The daemon's heartbeat (design document 3.3.3). */
export interface Heartbeat {
  pid: number;
  /** RFC 3339. */
  timestamp: string;
  version: string;
  status: string;
  /** Percent of one core since the last one. */
  cpu: number;
  /** Resident bytes. */
  memory: number;
}

export interface Reading {
  /** Monotonic milliseconds. */
  atMs: number;
  /** CPU time since the start, microseconds. */
  cpuMicros: number;
}

/** CPU use between two readings, percent of one core; 0 where no time has passed. */
export function cpuPercent(before: Reading, now: Reading): number {
  const elapsedMicros = (now.atMs - before.atMs) * 1000;
  if (elapsedMicros <= 0) return 0;
  return Math.round((Math.max(0, now.cpuMicros - before.cpuMicros) / elapsedMicros) * 10_000) / 100;
}

export interface SampleOptions {
  name: string;
  intervalMs: number;
  show: 'version' | 'help' | null;
}

const MAX_INTERVAL_MS = 24 * 60 * 60 * 1000;

function parseInterval(text: string | undefined): number {
  const found = /^(\d{1,9})(ms|s|m)$/.exec(text ?? '');
  const ms = Number(found?.[1]) * ({ ms: 1, s: 1000, m: 60_000 }[found?.[2] ?? ''] ?? Number.NaN);
  if (!(ms > 0 && ms <= MAX_INTERVAL_MS))
    throw new Error(`--interval ${text ?? ''}: a time such as 2s or 500ms is needed`);
  return ms;
}

/** By hand: what parseArgs would load is memory that this program does without. Throws an Error with one clear line. */
export function parseSampleArguments(args: readonly string[]): SampleOptions {
  const options: SampleOptions = { name: 'sample-agent', intervalMs: 5000, show: null };
  for (let at = 0; at < args.length; at++) {
    switch (args[at]) {
      case '--name':
        options.name = args[++at] ?? '';
        if (options.name === '') throw new Error('--name: a name is needed');
        break;
      case '--interval':
        options.intervalMs = parseInterval(args[++at]);
        break;
      case '--version':
        options.show = 'version';
        break;
      case '--help':
        options.show = 'help';
        break;
      default:
        throw new Error(`unknown option ${args[at]}`);
    }
  }
  return options;
}
