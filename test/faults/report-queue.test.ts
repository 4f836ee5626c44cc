/** The queue of reports in a real process that is killed, and on a real disk that is full. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ReportQueue } from '../../src/main/link/queue/report-queue.ts';
import { systemClock } from '../../src/shared/platform/clock.ts';
import { FakeLog } from '../fakes/log.ts';
import { seconds } from '../support/batch.ts';
import { temporaryFolder, testFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-until.ts';

let programs: Awaited<ReturnType<typeof temporaryFolder>>;
let program: string;

beforeAll(async () => {
  programs = await temporaryFolder('queue-program');
  program = join(programs.path, 'adds-and-drains.mjs');
  await build({
    entryPoints: ['test/fixtures/queue/adds-and-drains.mjs'],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    plugins: [
      {
        // messages only: loading gRPC would be most of the time of each start
        name: 'no gRPC',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^@grpc\/grpc-js$/ }, () => ({ path: 'grpc', namespace: 'none' }));
          onLoad({ filter: /.*/, namespace: 'none' }, () => ({
            contents: 'export const makeGenericClientConstructor = () => null;',
          }));
        },
      },
    ],
  });
});
afterAll(() => programs.remove());

const linesOf = (ledger: string): string[] => readFileSync(ledger, 'utf8').split('\n').slice(0, -1);

function run(folder: string, ledger: string, first: string, seed: number): ChildProcess {
  return spawn(process.execPath, [program, folder, ledger, first, String(seed)], { stdio: 'inherit' });
}

/** Follows what the processes told, which ends with a `killed` for each that was. */
function account(lines: readonly string[]): { kept: number; missing: number[]; repeated: number; faults: string[] } {
  const arrived = new Map<number, number>();
  const mayRepeat = new Set<number>();
  const faults: string[] = [];
  const kept: number[] = [];
  let [newest, repeated] = [0, 0];
  let unkept: number[] = [];
  let out: number[] = [];
  for (const line of lines) {
    const [what, ...numbers] = line.split(' ');
    if (what === 'added') unkept.push(Number(numbers[0]));
    if (what === 'kept') kept.push(...unkept);
    if (what === 'kept' || what === 'killed') unkept = [];
    if (what === 'warn') faults.push(line);
    if (what === 'answered') out = [];
    if (what === 'lost' || what === 'killed') for (const number of out) mayRepeat.add(number);
    if (what === 'lost' || what === 'killed') out = [];
    if (what !== 'sent') continue;
    out = numbers.map(Number);
    for (const number of out) {
      const times = (arrived.get(number) ?? 0) + 1;
      arrived.set(number, times);
      if (times === 1 && number < newest) faults.push(`${number} came after ${newest}`);
      if (times > 1 && !mayRepeat.has(number)) faults.push(`${number} came again`);
      if (times > 2) faults.push(`${number} came ${times} times`);
      if (times === 2) repeated++;
      newest = Math.max(newest, number);
    }
  }
  return { kept: kept.length, missing: kept.filter((number) => !arrived.has(number)), repeated, faults };
}

describe('killed with SIGKILL', () => {
  test.concurrent.each([1, 2])('ten times while it adds and drains (%d)', async (seed) => {
    const place = await temporaryFolder('queue-kill');
    try {
      const [folder, ledger] = [join(place.path, 'queue'), join(place.path, 'ledger')];
      writeFileSync(ledger, '');
      let next = 1;
      for (let kill = 1; kill <= 10; kill++) {
        const before = linesOf(ledger).length;
        const child = run(folder, ledger, String(next), seed * 1000 + kill);
        const exited = once(child, 'exit');
        await waitFor(() => linesOf(ledger).length > before, { what: 'it to begin', timeoutMs: 30_000 });
        await sleep(((kill * 7919 + seed * 104_729) % 350) + 5); // spread moments
        child.kill('SIGKILL');
        await exited;
        const last = linesOf(ledger).findLast((line) => line.startsWith('added '));
        next = Number(last?.split(' ')[1] ?? 0) + 1;
        writeFileSync(ledger, 'killed\n', { flag: 'a' });
      }
      const [status] = await once(run(folder, ledger, 'finish', 1), 'exit');
      expect(status).toBe(0);
      const lines = linesOf(ledger);
      expect(lines.at(-1)).toBe('end');
      const { kept, missing, repeated, faults } = account(lines);
      expect({ missing, faults }).toEqual({ missing: [], faults: [] });
      expect(kept).toBeGreaterThan(200);
      expect(repeated).toBeGreaterThan(0); // answers were lost on the way
    } finally {
      await place.remove();
    }
  });
});

const mounts = process.getuid?.() === 0 && spawnSync('mount', ['--version']).status === 0;

describe.skipIf(!mounts)('on a disk of its own', () => {
  test('that fills up: the newest are kept in memory, and all of it is sent once there is room', async (context) => {
    const folder = await testFolder('queue-disk');
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]).status !== 0) return context.skip();
    onTestFinished(() => {
      spawnSync('umount', ['-l', disk]);
    });
    const log = new FakeLog();
    const queue = await ReportQueue.open({
      folder: join(disk, 'queue'),
      maxBytes: 64 * 1024 * 1024,
      maxAgeMs: 1e13,
      clock: systemClock,
      after: (delayMs, _, run) => systemClock.after(delayMs / 20, run),
      log,
    });
    const count = 12_000;
    for (let number = 0; number < count; number++) {
      queue.add([{ type: 'cpu', timestamp: 1_700_000_000 + number, values: new Map([['value', number]]) }]);
      if (number % 100 === 99) await sleep(1);
    }
    await waitFor(() => log.events('queue-disk-failed').length > 2, { what: 'the disk to be full', timeoutMs: 30_000 });
    expect(log.events('queue-disk-failed').filter(({ level }) => level === 'warn')).toHaveLength(1);
    const { waiting, onDisk } = queue.status();
    expect(onDisk).toBeGreaterThan(500);
    expect(onDisk).toBeLessThan(waiting);
    const { room } = queue.takeLost();
    expect(waiting).toBe(count - room);

    const sent: number[] = [];
    for (let batch = await queue.next(); batch; batch = await queue.next()) {
      sent.push(...seconds(batch).map((second) => second - 1_700_000_000));
      await queue.settle(batch, 'taken', '');
    }
    // the cursor has its room from the beginning: on a full disk too it is noted what was sent
    expect(log.events('queue-disk-failed').length).toBeLessThan(20);
    const lost = room + queue.takeLost().room;
    expect(sent).toHaveLength(count - lost);
    expect(sent).toEqual([...sent].sort((a, b) => a - b));
    expect(sent.at(-1)).toBe(count - 1);

    // full by what others wrote, and free again
    const other = join(disk, 'other');
    const fill = (): void => writeFileSync(other, Buffer.alloc(512 * 1024));
    expect(fill).toThrow('ENOSPC');
    queue.add([{ type: 'cpu', timestamp: 1, values: new Map([['value', 1]]) }]);
    rmSync(other);
    await waitFor(() => queue.status().onDisk === 1, { what: 'the entry to be on disk', timeoutMs: 30_000 });
    await queue.close();
  });
});
