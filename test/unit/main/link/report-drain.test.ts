/** The drain against a queue and calls that answer as the test says; time is the test's. */
import { status } from '@grpc/grpc-js';
import { beforeEach, describe, expect, test } from 'vitest';
import { CallError, type ManagerCalls } from '../../../../src/main/link/calls.ts';
import type { Batch, Delivery } from '../../../../src/main/link/queue/report-queue.ts';
import { deliveryOf, ReportDrain } from '../../../../src/main/link/report-drain.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';

const failed = (code: number | null, kind: CallError['kind'] = 'refused'): CallError =>
  new CallError('D2003', kind, 'no', code === null ? undefined : Object.assign(new Error('x'), { code, details: '' }));

let clock: FakeClock;
let waiting: Batch[];
let settled: [number, Delivery][];
let answers: (CallError | number)[];
let sent: { entries: readonly Buffer[]; atMs: number }[];
let oneSecond: boolean[];
/** Batches that had been sent at each piece's end. */
let pieces: number[];

beforeEach(() => {
  clock = new FakeClock();
  waiting = [];
  settled = [];
  answers = [];
  sent = [];
  oneSecond = [];
  pieces = [];
});

function drain(protocol: 'manager' | 'daemon' = 'manager'): ReportDrain {
  const calls = {
    protocol,
    report: async (entries: readonly Buffer[]) => void sent.push({ entries, atMs: clock.nowMs() }),
  };
  return new ReportDrain({
    calls: calls as unknown as ManagerCalls,
    reports: {
      next: async (limits) => {
        oneSecond.push(limits.oneSecond);
        return waiting[0] ?? null;
      },
      settle: async (batch, delivery) => {
        settled.push([batch.entries.length, delivery]);
        if (delivery === 'taken' || delivery === 'refused-for-good') waiting = waiting.filter((one) => one !== batch);
      },
    },
    onPieceDone: () => pieces.push(sent.length),
    timed: async (call) => {
      await call;
      return answers.shift() ?? 3;
    },
    after: (delayMs, _name, run) => clock.after(delayMs, run),
    random: () => 0,
    log: new FakeLog(),
  });
}

const batches = (...sizes: number[]): void => {
  waiting = sizes.map((size) => ({ entries: Array.from({ length: size }, () => Buffer.from('a report')) }));
};

describe('a backlog', () => {
  test('goes in order, and leaves the line free for as long as a batch took', async () => {
    batches(100, 100, 5);
    answers = [3, 50, 3];
    const drained = drain().go();
    await clock.advance(1000);
    await drained;
    expect(sent.map(({ entries }) => entries.length)).toEqual([100, 100, 5]);
    expect(sent.map(({ atMs }) => atMs - (sent[0]?.atMs ?? 0))).toEqual([0, 10, 60]);
    expect(settled.map(([, delivery]) => delivery)).toEqual(['taken', 'taken', 'taken']);
    expect(pieces).toEqual([2, 3]); // one batch is no backlog
    expect(clock.timers).toBe(0);
  });

  test('what comes while it goes is sent too, by the same run', async () => {
    batches(1);
    const running = drain();
    const first = running.go();
    await clock.advance(0);
    batches(2);
    expect(running.go()).toBe(first);
    await clock.advance(1000);
    await first;
    expect(sent.map(({ entries }) => entries.length)).toEqual([1, 2]);
  });

  test('the other protocol takes one second at a time', async () => {
    batches(1);
    const drained = drain('daemon').go();
    await clock.advance(100);
    await drained;
    expect(oneSecond).toEqual([true, true]);
  });
});

describe('a Manager that refuses', () => {
  test('a batch is tried again at once, a single entry later and later', async () => {
    batches(2);
    answers = [failed(null)];
    const running = drain();
    await running.go();
    batches(1);
    answers = [failed(null), failed(null), failed(null)];
    await clock.advance(100_000);
    expect(sent.map(({ atMs }) => atMs - (sent[0]?.atMs ?? 0))).toEqual([0, 0, 5000, 10_000, 15_000]);
    running.close();
    expect(clock.timers).toBe(0);
  });

  test('one that is busy is left alone for a while, one that does not know reports for good', async () => {
    batches(50);
    answers = [failed(status.RESOURCE_EXHAUSTED)];
    const running = drain();
    await running.go();
    await clock.advance(4999);
    expect(sent).toHaveLength(1);
    answers = [failed(status.UNIMPLEMENTED, 'unimplemented')];
    await clock.advance(1_000_000);
    await running.go();
    expect(sent).toHaveLength(2);
    expect(settled).toEqual([
      [50, 'not-sent'],
      [50, 'not-sent'],
    ]);
  });
});

describe('while it waits', () => {
  test('what comes waits too: one attempt and one timer, however much is reported', async () => {
    batches(1);
    answers = [failed(null), failed(null)];
    const running = drain();
    await running.go();
    for (let n = 0; n < 20; n++) await running.go();
    expect([sent.length, clock.timers]).toEqual([1, 1]);
    await clock.advance(5000);
    expect([sent.length, clock.timers]).toEqual([2, 1]);
    running.close();
    expect(clock.timers).toBe(0);
  });

  test.each([status.PERMISSION_DENIED, status.UNAUTHENTICATED])(
    'status %i says nothing of the entries: a batch is not tried again at once',
    async (code) => {
      batches(50);
      answers = [failed(code)];
      const running = drain();
      await running.go();
      await clock.advance(4999);
      expect(sent).toHaveLength(1);
      running.close();
    },
  );
});

test('close begins nothing new, in the middle of a pause too', async () => {
  batches(1, 1);
  const running = drain();
  const going = running.go();
  await clock.advance(1);
  running.close();
  await going;
  expect(sent).toHaveLength(1);
  await running.go();
  expect(sent).toHaveLength(1);
  expect(clock.timers).toBe(0);
});

test.each<[CallError, Delivery]>([
  [failed(null), 'refused'],
  [failed(status.INTERNAL), 'refused'],
  [failed(status.INVALID_ARGUMENT), 'refused-for-good'],
  [failed(status.RESOURCE_EXHAUSTED), 'not-sent'],
  [failed(status.PERMISSION_DENIED), 'not-sent'],
  [failed(status.UNAUTHENTICATED), 'not-sent'],
  [failed(status.UNIMPLEMENTED, 'unimplemented'), 'not-sent'],
  [failed(status.UNAVAILABLE, 'not-sent'), 'not-sent'],
  [failed(status.UNAVAILABLE, 'unanswered'), 'unanswered'],
])('%o is %s', (failure, delivery) => {
  expect(deliveryOf(failure)).toBe(delivery);
});
