/** The harness's command line. Pure. */
import { parseArgs } from 'node:util';

export const BENCHMARKS = ['idle', 'collect', 'report', 'start'] as const;
export type Benchmark = (typeof BENCHMARKS)[number];

export interface BenchOptions {
  benchmarks: Benchmark[];
  quick: boolean;
  json: boolean;
}

export const HELP = `usage: npm run bench -- [NAME...] [--quick] [--json]

  NAME     ${BENCHMARKS.join(', ')}; all where none is given
  --quick  shorter windows and intervals: under a minute for all
  --json   print the result as one JSON object on the last line

Results are kept in bench/results/.
`;

/** Throws an Error for what is not known. */
export function parseArguments(args: readonly string[]): BenchOptions | 'help' {
  const flag = { type: 'boolean', default: false } as const;
  const options = { quick: flag, json: flag, help: flag };
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  if (values.help) return 'help';
  const known = (name: string): name is Benchmark => (BENCHMARKS as readonly string[]).includes(name);
  const benchmarks = positionals.map((name) => {
    if (!known(name)) throw new Error(`there is no benchmark ${JSON.stringify(name)}: ${BENCHMARKS.join(', ')}`);
    return name;
  });
  return { benchmarks: benchmarks.length > 0 ? benchmarks : [...BENCHMARKS], quick: values.quick, json: values.json };
}
