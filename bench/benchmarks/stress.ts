/**
 * Whether giving pages back breaks anything: all of them, each 5 ms, in a process of its own that does what a daemon
 * does as fast as it can (stress-load.ts). It checks its own results; here its end is looked at, and what the Manager
 * had of it. Anything that is not right fails the benchmark.
 */
import { mkdir, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DemoChild, describeExit } from '../../src/demo/children.ts';
import { within, withScope } from '../bounded.ts';
import { BenchHost, makeRelease } from '../host.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { ManagerTally } from '../stress/manager-tally.ts';
import { parseStressLine, type StressFigures, type StressLine, type StressOrder } from '../stress/order.ts';
import { stressNotes, stressTable } from './stress-figures.ts';

/** For starting, for what is under way when the time is up, and for ending. */
const MORE_MS = 120_000;
const STOP_MS = 2000;

/** The daemon's launcher runs the load in the daemon's place, with all that it gives the daemon. */
function launcherOfLoad(host: BenchHost, { bundles, launcher }: BenchContext): Promise<string> {
  return makeRelease(join(host.folder, 'releases', 'stress'), launcher, async (lib) => {
    await mkdir(lib);
    await symlink(resolve(bundles, 'stress.js'), join(lib, 'daemon.js'));
  });
}

function measure(context: BenchContext): Promise<StressLine> {
  return withScope(async (scope) => {
    const { bundles, node, settings, signal } = context;
    const host = await BenchHost.start(scope, context);
    const tally = new ManagerTally();
    host.onLine((line) => tally.take(line));
    const program = await launcherOfLoad(host, context);
    const { folder, managerPort } = host;
    const order: StressOrder = { bundles: resolve(bundles), folder, managerPort, ...settings.stress };
    let said: StressLine | null = null;
    const child = new DemoChild('load', [JSON.stringify(order)], {
      program,
      env: { ...process.env, DAEMON_NODE: node.path },
      onLine: (line) => {
        said = parseStressLine(line) ?? said;
      },
    });
    await scope.add(() => child.stop(STOP_MS));
    const bound = { what: 'the load to end', timeoutMs: settings.stress.forMs + MORE_MS, signal };
    const exit = await within(child.exited, bound);
    const line = said as StressLine | null;
    if (exit.code !== 0 || !line) {
      const what = `the load under Node ${node.version} ${describeExit(exit)}${line ? '' : ' and gave no figures'}`;
      throw new Error([what, ...child.tail()].join('\n  '));
    }
    if ('figures' in line) await tally.require(line.figures.counts, signal);
    return line;
  });
}

function reportOf({ settings, node }: BenchContext, figures: StressFigures): BenchReport {
  if (figures.node !== node.version) throw new Error(`the load ran with Node ${figures.node}`);
  return {
    name: 'stress',
    title: 'pages given back each 5 ms under full load',
    table: stressTable(figures),
    notes: stressNotes(figures, settings.stress.mebibytes),
    verdicts: [],
    figures: { ...figures },
  };
}

export async function stress(context: BenchContext): Promise<BenchReport> {
  const line = await measure(context);
  if ('figures' in line) return reportOf(context, line.figures);
  return {
    name: 'stress',
    title: 'NOT RUN',
    table: { columns: [], rows: [] },
    notes: [`No pages can be given back here: ${line.none}.`],
    verdicts: [],
    figures: { none: line.none },
  };
}
