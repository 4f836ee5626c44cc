/** What was collected arrives in order, each type and second once, whatever is away or killed meanwhile. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TestHost } from '../support/daemon-process.ts';
import { waitFor } from '../support/wait-until.ts';
import {
  delivered,
  doubles,
  type Linked,
  linked,
  openQueue,
  RARELY,
  registrations,
  waitingOnDisk,
} from './link-host.ts';

const BOTH = {
  ...{ cpu: { interval: '1s' }, memory: { interval: '1s' } },
  ...{ disk: { enabled: false }, network: { enabled: false } },
};

/** Waits until so many more reports were answered and noted as taken: none is on its way then. */
async function reported({ host }: Linked, count: number): Promise<void> {
  const lines = (): number => host.log().filter(({ event }) => event === 'reported').length;
  const before = lines();
  await waitFor(() => lines() >= before + count, { what: `${count} answered reports`, timeoutMs: 20_000, everyMs: 5 });
}

async function onDisk(host: TestHost, count: number): Promise<void> {
  const enough = async (): Promise<boolean> => (await host.link()).reports.onDisk >= count;
  await waitFor(enough, { what: `${count} reports on disk`, timeoutMs: 20_000, everyMs: 100 });
}

test.concurrent('Manager away, the daemon killed twice: all that was on disk follows in order, once', async (context) => {
  const link = await linked(context);
  const { host, manager, proxy } = link;
  await link.configure({ collectors: BOTH });
  let daemon = host.start();
  await reported(link, 2);
  proxy.set({ refusing: true });
  proxy.drop();
  const before = delivered(manager);
  const found: string[][] = [];
  for (const count of [4, 8]) {
    await onDisk(host, count);
    await daemon.kill('SIGKILL');
    found.push(await waitingOnDisk(host));
    if (count === 8) proxy.pass();
    daemon = host.start();
  }
  const [first = [], second = []] = found;
  expect(first.length).toBeGreaterThanOrEqual(4);
  expect(second.slice(0, first.length)).toEqual(first);
  await waitFor(() => delivered(manager).length > before.length + second.length, { what: 'what waited and more' });
  const after = delivered(manager).slice(before.length);
  expect(after.slice(0, second.length)).toEqual(second);
  expect(doubles(delivered(manager))).toBe(0);
  // nothing had been on its way
  expect((await host.link()).reports.onDisk).toBe(0);
  for (const type of ['cpu', 'memory']) {
    const seconds = delivered(manager).flatMap((entry) =>
      entry.startsWith(type) ? [Number(entry.split(' ')[1])] : [],
    );
    expect(seconds).toEqual([...seconds].sort((a, b) => a - b));
  }
}, 60_000);

test.concurrent('where an answer is cut off, a report comes at least once and at most twice', async (context) => {
  const link = await linked(context);
  const { host, manager, proxy } = link;
  // nothing but reports for a while after a connection has begun
  await link.configure({ manager: { heartbeat_interval: '2m' } });
  host.start();
  const rounds = 3;
  for (let round = 1; round <= rounds; round++) {
    await reported(link, 2); // the second one alone
    proxy.set({ delayMs: 300 }); // the answer is on its way for as long
    const before = delivered(manager).length;
    await waitFor(() => delivered(manager).length > before, { what: 'a report whose answer is on its way' });
    proxy.drop();
    proxy.pass();
    await registrations(manager, round + 1);
  }
  await reported(link, 2);
  const all = delivered(manager);
  const times = new Map<string, number>();
  for (const entry of all) times.set(entry, (times.get(entry) ?? 0) + 1);
  expect(Math.max(...times.values())).toBe(2);
  expect(doubles(all)).toBe(rounds);
  expect([...times.keys()]).toEqual([...times.keys()].sort());
  expect(host.log().some(({ event }) => event === 'reports-lost')).toBe(false);
}, 60_000);

test.concurrent('a report that is refused for good goes to the dead letters, what follows is delivered', async (context) => {
  const link = await linked(context);
  const { host, manager } = link;
  host.start();
  await reported(link, 1);
  const order = { fault: 'refuse', method: 'ReportMetrics', message: 'no such type', status: 'INVALID_ARGUMENT' };
  await manager.fault({ ...order, times: 1 });
  const told = await host.logged('report-refused');
  expect(told).toMatchObject({ level: 'warn', code: 'D2003', type: 'cpu' });
  await reported(link, 2);
  const file = join(host.workDir, 'reports/dead-letters.jsonl');
  expect(existsSync(file)).toBe(true);
  const letters = readFileSync(file, 'utf8').trimEnd().split('\n');
  expect(letters.map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({
      ...{ type: 'cpu', timestamp: told['timestamp'], values: expect.any(Object) },
      reason: expect.stringContaining('no such type'),
    }),
  ]);
  expect(delivered(manager)).not.toContain(`cpu ${told['timestamp']}`);
  expect(doubles(delivered(manager))).toBe(0);
  expect((await host.link()).reports).toMatchObject({ deadLetters: 1, onDisk: 0 });
  expect(await host.ctl('link')).toMatch(/Refused reports +1,/);
}, 60_000);

const COUNT = 10_000;
/** As many as are out at once. */
const BATCH = 100;

test.concurrent('ten thousand leave in order while the daemon is killed twice, heartbeats answered throughout', async (context) => {
  const { host, manager, proxy, configure, warnings } = await linked(context);
  await configure({ collectors: RARELY });
  const now = Math.floor(Date.now() / 1000);
  const values = new Map([['usage_percent', 12.5]]);
  const queue = await openQueue(join(host.workDir, 'reports'));
  const entries = Array.from({ length: COUNT }, (_, at) => ({ type: 'queued', timestamp: now - COUNT + at, values }));
  queue.add(entries);
  await queue.close();

  proxy.set({ delayMs: 8 }); // so that it takes longer than the shortest interval of heartbeats
  const came = (): string[] => delivered(manager).filter((entry) => entry.startsWith('queued '));
  const most = { timeoutMs: 60_000, everyMs: 5 };
  let daemon = host.start();
  for (const share of [0.3, 0.6]) {
    await waitFor(() => came().length >= share * COUNT, { what: `${share} of them`, ...most });
    await daemon.kill('SIGKILL');
    daemon = host.start();
  }
  await waitFor(() => came().at(-1) === `queued ${now - 1}`, { what: 'the last one', ...most });
  await waitFor(async () => (await host.link()).reports.waiting === 0, { what: 'an empty queue' });

  const all = came();
  const expected = entries.map(({ type, timestamp }) => `${type} ${timestamp}`);
  expect([...new Set(all)]).toEqual(expected);
  expect(doubles(all)).toBeLessThanOrEqual(2 * BATCH);
  // in order: a step back is at a kill only, and no further than what was out then
  const seconds = all.map((entry) => Number(entry.slice('queued '.length)));
  const steps = seconds.slice(1).map((second, at) => second - (seconds[at] ?? 0));
  expect(steps.filter((step) => step !== 1).length).toBeLessThanOrEqual(2);
  expect(Math.min(...steps)).toBeGreaterThan(-BATCH);

  const kinds = manager.events.map(({ event }) => event);
  const during = kinds.slice(kinds.indexOf('report'), kinds.lastIndexOf('report'));
  // the first one of each daemon, and those of their intervals
  expect(during.filter((event) => event === 'heartbeat').length).toBeGreaterThanOrEqual(3);
  expect(warnings().map(({ event, msg }) => `${event}: ${msg}`)).toEqual([]);
  expect(manager.eventsNamed('registered')).toHaveLength(3);
}, 90_000);
