/**
 * The harness as a program: arguments, signals, exit code. 0 when all was measured, whatever the figures; 1 when it
 * failed, was interrupted, or something could not be run here, or the gate does not pass; 2 on a wrong command line. It
 * ends what it started either way.
 */
import { release } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { describe } from '../src/shared/errors/daemon-error.ts';
import { type BenchmarkName, type BenchOptions, HELP, parseArguments } from './arguments.ts';
import { agents } from './benchmarks/agents.ts';
import { collect } from './benchmarks/collect.ts';
import { health } from './benchmarks/health.ts';
import { heartbeat } from './benchmarks/heartbeat.ts';
import { idle, idleAndPeers, peers } from './benchmarks/idle.ts';
import { link } from './benchmarks/link.ts';
import { report } from './benchmarks/report.ts';
import { soak } from './benchmarks/soak.ts';
import { stall } from './benchmarks/stall.ts';
import { start } from './benchmarks/start.ts';
import { stress } from './benchmarks/stress.ts';
import { update } from './benchmarks/update.ts';
import { reasons } from './bounded.ts';
import { cleanEnvironment } from './environment.ts';
import { judgeGate, renderGate } from './gate.ts';
import { currentCommit, loadAverage, thisMachine } from './machine.ts';
import { type NodeBinary, nodeBinary, ownNode } from './node-binary.ts';
import { type Job, planOf } from './plan.ts';
import {
  type BenchContext,
  type Benchmark,
  type BenchReport,
  notRunIn,
  type RanReport,
  renderReport,
} from './report.ts';
import { headline, resultOf, writeCharts, writeResult } from './result.ts';
import { FULL, QUICK, type Settings } from './settings.ts';

const BENCHMARKS: Record<BenchmarkName, Benchmark> = {
  ...{ idle, peers, collect, health, report, heartbeat, start },
  ...{ stall, agents, link, update, stress, soak },
};

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

/** Everything that is started from then on inherits a clean environment; npm needs the other one. */
async function prepare({ nodes }: BenchOptions, root: string, signal: AbortSignal): Promise<NodeBinary[]> {
  const env = cleanEnvironment();
  const cache = join(root, 'node_modules', '.cache');
  const found: NodeBinary[] = [];
  for (const wanted of nodes) found.push(await nodeBinary(wanted, { cache, env, signal }));
  return found.length > 0 ? found : [ownNode()];
}

function settingsOf({ quick, soakMs }: BenchOptions): Settings {
  const settings = quick ? QUICK : FULL;
  return soakMs === null ? settings : { ...settings, soak: { ...settings.soak, windowMs: soakMs } };
}

async function runJob({ name, withPeers }: Job, context: BenchContext): Promise<RanReport[]> {
  say(`${name}${withPeers ? ' and peers' : ''}, Node ${context.node.version} …`);
  const startedMs = performance.now();
  let reports: BenchReport[];
  try {
    reports = withPeers ? await idleAndPeers(context) : [await BENCHMARKS[name](context)];
  } catch (error) {
    throw context.signal.aborted ? context.signal.reason : error;
  }
  context.signal.throwIfAborted();
  return reports.map((one) => ({ ...one, node: context.node.version, elapsedMs: performance.now() - startedMs }));
}

async function run(options: BenchOptions, args: readonly string[]): Promise<number> {
  const signal = interruption();
  const [startedAtMs, startedMs, before] = [Date.now(), performance.now(), loadAverage()];
  const bundles = dirname(process.argv[1] ?? '.');
  const root = dirname(bundles);
  const common = { bundles, launcher: join(root, 'scripts', 'launcher.sh'), settings: settingsOf(options), signal };
  const reports: RanReport[] = [];
  for (const job of planOf(options.names, await prepare(options, root, signal), ownNode())) {
    reports.push(...(await runJob(job, { ...common, node: job.node })));
  }
  const gate = options.gate ? judgeGate(reports, release()) : null;
  const result = resultOf(
    {
      startedAtMs,
      elapsedMs: performance.now() - startedMs,
      arguments: args,
      quick: options.quick,
      commit: await currentCommit(root),
      machine: thisMachine(),
      load: { before, after: loadAverage() },
      gate,
    },
    reports,
  );
  const folder = join(root, 'bench', 'results');
  const files = [await writeResult(result, folder), ...(await writeCharts(result, reports, folder, options.chart))];
  process.stdout.write(`${[headline(result), ...reports.map(renderReport)].join('\n')}\n`);
  for (const file of files) process.stdout.write(`Kept in ${relative(process.cwd(), file)}\n`);
  if (gate) process.stdout.write(`${renderGate(gate).join('\n')}\n`);
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  const notRun = notRunIn(reports);
  for (const line of notRun) say(line);
  return notRun.length > 0 || gate?.passes === false ? 1 : 0;
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
  try {
    return await run(options, args);
  } catch (error) {
    for (const reason of reasons(error)) say(reason);
    return 1;
  }
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
