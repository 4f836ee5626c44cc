/**
 * A bundle of the harness's in the daemon's place: started by the launcher of a release, with the Node and all else that
 * it gives the daemon, an order on its command line, and one line as its answer.
 */
import { mkdir, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DemoChild, describeExit } from '../src/demo/children.ts';
import type { Scope } from '../src/shared/lifecycle/scope.ts';
import { within } from './bounded.ts';
import { makeRelease } from './host.ts';
import type { BenchContext } from './report.ts';

const STOP_MS = 2000;

export interface Substitute<Line> {
  /** For errors, and the folder: `load`. */
  name: string;
  /** Its bundle: `stress.js`. */
  bundle: string;
  /** The release is made in it. */
  folder: string;
  order: object;
  timeoutMs: number;
  /** null where a line of its output is not the answer. */
  parse(line: string): Line | null;
}

/** Rejects with what it said last where it ends otherwise than with its answer and 0. Ends with the scope. */
export async function runInPlaceOfDaemon<Line extends object>(
  scope: Scope,
  { bundles, launcher, node, signal }: BenchContext,
  { name, bundle, folder, order, timeoutMs, parse }: Substitute<Line>,
): Promise<Line> {
  const program = await makeRelease(join(folder, 'releases', name), launcher, async (lib) => {
    await mkdir(lib);
    await symlink(resolve(bundles, bundle), join(lib, 'daemon.js'));
  });
  let said: Line | null = null;
  const child = new DemoChild(name, [JSON.stringify(order)], {
    program,
    env: { ...process.env, DAEMON_NODE: node.path },
    onLine: (line) => {
      said = parse(line) ?? said;
    },
  });
  await scope.add(() => child.stop(STOP_MS));
  const exit = await within(child.exited, { what: `the ${name} to end`, timeoutMs, signal });
  const line = said as Line | null;
  if (exit.code !== 0 || !line) {
    const what = `the ${name} under Node ${node.version} ${describeExit(exit)}${line ? '' : ' and gave no figures'}`;
    throw new Error([what, ...child.tail()].join('\n  '));
  }
  return line;
}
