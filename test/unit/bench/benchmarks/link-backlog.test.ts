import { join } from 'node:path';
import { expect, test } from 'vitest';
import { backlogOf, checkDelivery, keyOf, writeBacklog } from '../../../../bench/benchmarks/link-backlog.ts';
import { LARGEST_BATCH } from '../../../../src/main/link/queue/batch-size.ts';
import { ReportQueue } from '../../../../src/main/link/queue/report-queue.ts';
import type { ReportEvent } from '../../../../src/shared/contracts/manager-events.ts';
import { systemClock } from '../../../../src/shared/platform/clock.ts';
import { metricsOf } from '../../../support/batch.ts';
import { testFolder } from '../../../support/temp-folder.ts';

const METRICS = ['cpu', 'disk'].map((type) => ({ type, timestamp: 7, values: new Map([['usage_percent', 1]]) }));

function report(...keys: string[]): ReportEvent {
  const metrics = keys.map((key) => {
    const [type = '', timestamp] = key.split(' ');
    return { type, timestamp: Number(timestamp), values: { usage_percent: 1 } };
  });
  return { event: 'report', nodeId: 'n', receivedAtMs: 0, accepted: true, message: '', metrics };
}

test('the samples of the last seconds, as many entries as are asked for', () => {
  expect(backlogOf(METRICS, 3, 1_000_500).map(keyOf)).toEqual(['cpu 938', 'disk 938', 'cpu 939']);
});

test('the daemon finds the backlog on disk, in order', async () => {
  const folder = join(await testFolder(), 'work', 'reports');
  const { signal } = new AbortController();
  const { expected, bytes } = await writeBacklog({ folder, entries: 250, metrics: METRICS, signal });
  expect(expected).toHaveLength(250);
  expect(bytes).toBeGreaterThan(0);
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const clock = systemClock;
  const limits = { maxBytes: 1e6, maxAgeMs: 3_600_000 };
  const queue = await ReportQueue.open({ folder, ...limits, clock, after: (ms, _, run) => clock.after(ms, run), log });
  expect(queue.status()).toMatchObject({ waiting: 250, onDisk: 250 });
  const batch = await queue.next();
  expect(batch && metricsOf(batch).map(keyOf)).toEqual(expected.slice(0, LARGEST_BATCH));
  await queue.close();
});

test('whole, once each, in order, and others behind', () => {
  const reports = [report('cpu 1', 'disk 1'), report('cpu 2', 'cpu 9')];
  expect(() => checkDelivery(['cpu 1', 'disk 1', 'cpu 2'], reports)).not.toThrow();
});

test.each([
  { what: 'one is missing', reports: [report('cpu 1')], says: 'entry 1 was cpu 2; what came is nothing' },
  { what: 'in another order', reports: [report('cpu 2', 'cpu 1')], says: 'entry 0 was cpu 1; what came is cpu 2' },
  { what: 'twice', reports: [report('cpu 1', 'cpu 2'), report('cpu 1')], says: 'cpu 1 came twice' },
  {
    what: 'refused',
    reports: [{ ...report('cpu 1'), accepted: false, message: 'no' }],
    says: 'the Manager refused a report: no',
  },
])('$what: an error', ({ reports, says }) => {
  expect(() => checkDelivery(['cpu 1', 'cpu 2'], reports)).toThrow(says);
});
