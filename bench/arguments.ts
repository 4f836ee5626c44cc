/** The harness's command line. Pure: gives what was asked for, or throws an Error with one clear line. */
import { parseArgs } from 'node:util';

const BENCHMARK_NAMES = ['idle', 'collect', 'health', 'report', 'start', 'link', 'update'] as const;
export type BenchmarkName = (typeof BENCHMARK_NAMES)[number];

export const HELP = `usage: npm run bench -- [NAME ...] [options]

Measures the built daemon on this machine. Without a name, all of these:

  idle     memory and CPU of the daemon at rest, with two agents, against a Manager
  collect  how long a collection takes, from a cold thread down to the reading itself
  health   one round of health checks of 1 to 200 agents
  report   round trip of a heartbeat and of a full report
  start    from exec to the registration
  link     draining 10,000 reports after the Manager was away, bytes on the wire a day, time to reconnect
  update   verifying a package of 1 GiB: what it does to heartbeats, its speed beside openssl, its memory

  --quick  fewer rounds, shorter intervals and a smaller package, about two minutes in all
  --json   print the result as one JSON object, as the last line of standard output
  --help

Results are kept in bench/results/. docs/benchmarks.md says what each figure is.
`;

export interface BenchOptions {
  /** In the order in which they run, each once. */
  names: BenchmarkName[];
  quick: boolean;
  json: boolean;
}

function isName(text: string): text is BenchmarkName {
  return (BENCHMARK_NAMES as readonly string[]).includes(text);
}

/** `help` in place of options where help was asked for. */
export function parseArguments(args: readonly string[]): BenchOptions | 'help' {
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: true,
    options: { quick: flag, json: flag, help: flag },
  });
  if (values.help) return 'help';
  const unknown = positionals.filter((name) => !isName(name));
  if (unknown.length > 0)
    throw new Error(`there is no benchmark ${unknown.join(', ')}; there are ${BENCHMARK_NAMES.join(', ')}`);
  const names = BENCHMARK_NAMES.filter((name) => positionals.length === 0 || positionals.includes(name));
  return { names, quick: values.quick, json: values.json };
}
