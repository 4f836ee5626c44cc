/**
 * The harness as a program: arguments, signals, exit code. 0 when all was measured, whatever the figures; 1 when it
 * failed or was interrupted, 2 on a wrong command line. It ends what it started either way.
 */
import { dirname, join, relative } from 'node:path';
import { describe } from '../src/shared/errors/daemon-error.ts';
import { type BenchmarkName, type BenchOptions, HELP, parseArguments } from './arguments.ts';
import { collect } from './benchmarks/collect.ts';
import { health } from './benchmarks/health.ts';
import { idle } from './benchmarks/idle.ts';
import { link } from './benchmarks/link.ts';
import { report } from './benchmarks/report.ts';
import { start } from './benchmarks/start.ts';
import { update } from './benchmarks/update.ts';
import { reasons } from './bounded.ts';
import { unwantedVariables } from './environment.ts';
import { currentCommit, loadAverage, thisMachine } from './machine.ts';
import { type Benchmark, type BenchReport, renderReport } from './report.ts';
import { headline, resultOf, writeResult } from './result.ts';
import { FULL, QUICK } from './settings.ts';

const BENCHMARKS: Record<BenchmarkName, Benchmark> = { idle, collect, health, report, start, link, update };

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

/** Aborts on a signal and on a fault of the harness itself. Further signals change nothing: it is ending already. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => controller.abort(new Error(`interrupted by ${name}`)));
  }
  for (const name of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(name, (error: unknown) => controller.abort(new Error('internal fault', { cause: error })));
  }
  // whoever read the output has gone: what was started must be ended all the same
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  return controller.signal;
}

async function run({ names, quick, json }: BenchOptions, args: readonly string[]): Promise<void> {
  const signal = interruption();
  const [startedAtMs, startedMs, before] = [Date.now(), performance.now(), loadAverage()];
  const bundles = dirname(process.argv[1] ?? '.');
  const root = dirname(bundles);
  const reports: BenchReport[] = [];
  for (const name of names) {
    say(`${name} …`);
    try {
      reports.push(await BENCHMARKS[name]({ bundles, settings: quick ? QUICK : FULL, signal }));
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    }
    signal.throwIfAborted();
  }
  const result = resultOf(
    {
      startedAtMs,
      elapsedMs: performance.now() - startedMs,
      arguments: args,
      quick,
      commit: await currentCommit(root),
      machine: thisMachine(),
      load: { before, after: loadAverage() },
    },
    reports,
  );
  const file = await writeResult(result, join(root, 'bench', 'results'));
  process.stdout.write(`${[headline(result), ...reports.map(renderReport)].join('\n')}\n`);
  process.stdout.write(`Kept in ${relative(process.cwd(), file)}\n`);
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
}

async function main(args: readonly string[]): Promise<number> {
  let options: BenchOptions | 'help';
  try {
    options = parseArguments(args);
  } catch (error) {
    say(describe(error));
    return 2;
  }
  if (options === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  // everything that is started inherits this environment
  for (const name of unwantedVariables(process.env)) delete process.env[name];
  try {
    await run(options, args);
    return 0;
  } catch (error) {
    for (const reason of reasons(error)) say(reason);
    return 1;
  }
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
