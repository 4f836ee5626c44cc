/** The harness's command line. Pure: gives what was asked for, or throws an Error with one clear line. */
import { parseArgs } from 'node:util';
import { parseDuration } from '../src/shared/config/formats.ts';
import { GATED_BENCHMARKS } from './gate.ts';

const BENCHMARK_NAMES = [
  ...(['idle', 'peers', 'collect', 'health', 'report', 'heartbeat', 'start'] as const),
  ...(['stall', 'agents', 'link', 'update', 'stress', 'soak'] as const),
] as const;
export type BenchmarkName = (typeof BENCHMARK_NAMES)[number];

export const HELP = `usage: npm run bench -- [NAME ...] [options]

Measures the built daemon on this machine. Without a name, all of these but soak:

  idle       memory and CPU of the daemon at rest, with three agents, against a Manager
  peers      the same beside other programs of its kind that are installed, with the same agents
  collect    how long a collection takes, from a cold thread down to the reading itself
  health     one round of health checks of 1 to 200 agents
  report     round trip of a heartbeat and of a full report, without and with delay on the way
  heartbeat  what keeping the daemon small does to its heartbeats, beside daemons that do not; five minutes
  start      from exec to the registration
  stall      what hashing, compressing and collecting at the same time do to heartbeats
  agents     how memory and CPU grow with the number of agents
  link       draining 10,000 reports after the Manager was away, bytes on the wire a day, time to reconnect
  update     verifying a package of 1 GiB: what it does to heartbeats, its speed beside openssl, its memory
  stress     whether anything breaks where pages are given back each 5 ms under full load for a minute
  soak       whether memory, descriptors or threads grow in the long run; 30 minutes, or what --soak says

  --quick       fewer rounds, shorter intervals and smaller files, less than a minute in all
  --node LIST   run the daemon with these versions of Node, from the npm registry: 20,24 or 24.9.0; repeatable
  --gate        exit with 1 where a figure is not kept, and say which
  --soak TIME   soak for that long: 2h, 30m
  --chart FILE  copy the chart of resident memory over time to FILE (idle, peers, soak)
  --json        print the result as one JSON object, as the last line of standard output
  --help

Results are kept in bench/results/. docs/benchmarks.md says what each figure is.
`;

export interface BenchOptions {
  /** In the order in which they run, each once. */
  names: BenchmarkName[];
  quick: boolean;
  json: boolean;
  gate: boolean;
  /** As given: majors or exact versions, each once; empty for the Node that runs the harness. */
  nodes: string[];
  /** null: as the settings have it. */
  soakMs: number | null;
  /** A path, or null. */
  chart: string | null;
}

/** These keep a chart of resident memory. */
const CHARTED: readonly BenchmarkName[] = ['idle', 'peers', 'soak'];
/** Less gives too few points for a slope. */
const SHORTEST_SOAK_MS = 20 * 60_000;
const NODE_VERSION = /^v?(\d+(?:\.\d+\.\d+)?)$/;

function isName(text: string): text is BenchmarkName {
  return (BENCHMARK_NAMES as readonly string[]).includes(text);
}

function nodeVersions(given: readonly string[]): string[] {
  const wanted = given.flatMap((list) => list.split(',')).map((text) => text.trim());
  return [
    ...new Set(
      wanted.map((text) => {
        const version = NODE_VERSION.exec(text)?.[1];
        if (!version) throw new Error(`--node takes a major or an exact version, 24 or 24.9.0, and not "${text}"`);
        return version;
      }),
    ),
  ];
}

function soakTime(text: string | undefined): number | null {
  if (text === undefined) return null;
  const parsed = parseDuration(text);
  if (!parsed.ok || parsed.value < SHORTEST_SOAK_MS)
    throw new Error(`--soak takes a time of at least 20m, as in 2h, and not "${text}"`);
  return parsed.value;
}

/** All but the soak where none is named; with --soak and no name, the soak alone. */
function chosen(positionals: readonly string[], soak: boolean): BenchmarkName[] {
  const unknown = positionals.filter((name) => !isName(name));
  if (unknown.length > 0)
    throw new Error(`there is no benchmark ${unknown.join(', ')}; there are ${BENCHMARK_NAMES.join(', ')}`);
  if (positionals.length === 0) return BENCHMARK_NAMES.filter((name) => (name === 'soak') === soak);
  return BENCHMARK_NAMES.filter((name) => positionals.includes(name) || (name === 'soak' && soak));
}

/** `help` in place of options where help was asked for. */
export function parseArguments(args: readonly string[]): BenchOptions | 'help' {
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: true,
    options: {
      ...{ quick: flag, json: flag, gate: flag, help: flag },
      ...{ node: { type: 'string', multiple: true }, soak: { type: 'string' }, chart: { type: 'string' } },
    },
  });
  if (values.help) return 'help';
  const { quick, json, gate, chart = null } = values;
  const soakMs = soakTime(values.soak);
  const names = chosen(positionals, soakMs !== null);
  if (gate && quick) throw new Error('--gate needs the intervals of a full run: leave out --quick');
  if (gate && !names.some((name) => GATED_BENCHMARKS.includes(name)))
    throw new Error(`--gate has no limits for ${names.join(', ')}; it has for ${GATED_BENCHMARKS.join(', ')}`);
  if (chart !== null && !names.some((name) => CHARTED.includes(name)))
    throw new Error(`--chart draws what ${CHARTED.join(', ')} measure; none of them is to run`);
  return { names, quick, json, gate, nodes: nodeVersions(values.node ?? []), soakMs, chart };
}
