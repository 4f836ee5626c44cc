import { expect, test } from 'vitest';
import { Faults } from '../../../src/manager/faults.ts';
import type { Clock } from '../../../src/shared/platform/clock.ts';

/** A clock that stands still; what is due is called by `pass`. */
function stillClock(): Clock & { pass(ms: number): void } {
  let nowMs = 0;
  let due: { atMs: number; callback: () => void }[] = [];
  return {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    after(ms, callback) {
      const entry = { atMs: nowMs + ms, callback };
      due.push(entry);
      return () => {
        due = due.filter((other) => other !== entry);
      };
    },
    pass(ms) {
      nowMs += ms;
      for (const entry of due.filter(({ atMs }) => atMs <= nowMs)) {
        due = due.filter((other) => other !== entry);
        entry.callback();
      }
    },
  };
}

function held(faults: Faults, method: 'Heartbeat' | 'ReportMetrics', forMs?: number) {
  const call = { served: 0, giveUp: () => {} };
  faults.hold(method, {
    ...(forMs === undefined ? {} : { forMs }),
    serve: () => call.served++,
    onGivenUp: (givenUp) => {
      call.giveUp = givenUp;
    },
  });
  return call;
}

test('a fault counts its times; one without a number stays until it is cleared', () => {
  const faults = new Faults(stillClock());
  faults.set('Heartbeat', { kind: 'stall' }, 2);
  faults.set('ReportMetrics', { kind: 'lose' });
  expect([1, 2, 3].map(() => faults.take('Heartbeat')?.kind)).toEqual(['stall', 'stall', undefined]);
  expect([1, 2, 3].map(() => faults.take('ReportMetrics')?.kind)).toEqual(['lose', 'lose', 'lose']);
  faults.clear('ReportMetrics');
  expect(faults.take('ReportMetrics')).toBeNull();
  expect(faults.take('RegisterNode')).toBeNull();
});

test('the newest fault of a method counts', () => {
  const faults = new Faults(stillClock());
  faults.set('Heartbeat', { kind: 'stall' });
  faults.set('Heartbeat', { kind: 'delay', ms: 1 });
  expect(faults.take('Heartbeat')).toEqual({ kind: 'delay', ms: 1 });
});

test('releasing lets go of the calls of that method only, once', () => {
  const faults = new Faults(stillClock());
  const [a, b] = [held(faults, 'Heartbeat'), held(faults, 'ReportMetrics')];
  faults.release('Heartbeat');
  faults.release('Heartbeat');
  expect([a.served, b.served, faults.heldCount()]).toEqual([1, 0, 1]);
  faults.clear();
  expect([a.served, b.served, faults.heldCount()]).toEqual([1, 1, 0]);
});

test('a late call is served when its time has passed, and not again when released', () => {
  const clock = stillClock();
  const faults = new Faults(clock);
  const call = held(faults, 'Heartbeat', 50);
  clock.pass(49);
  expect(call.served).toBe(0);
  clock.pass(1);
  faults.release();
  expect(call.served).toBe(1);
});

test('a call whose caller gave up is never served', () => {
  const clock = stillClock();
  const faults = new Faults(clock);
  const call = held(faults, 'Heartbeat', 50);
  call.giveUp();
  clock.pass(100);
  faults.release();
  expect([call.served, faults.heldCount()]).toEqual([0, 0]);
});

test('abandoning serves nothing and leaves no fault', () => {
  const faults = new Faults(stillClock());
  faults.set('Heartbeat', { kind: 'stall' });
  const call = held(faults, 'Heartbeat');
  faults.abandon();
  expect([call.served, faults.heldCount(), faults.take('Heartbeat')]).toEqual([0, 0, null]);
});
