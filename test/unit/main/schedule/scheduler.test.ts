import { describe, expect, test } from 'vitest';
import { jittered, Scheduler } from '../../../../src/main/schedule/scheduler.ts';
import { FakeClock, settle } from '../../../fakes/clock.ts';

function scheduler(random = 0.5): { clock: FakeClock; scheduler: Scheduler; errors: [unknown, string][] } {
  const clock = new FakeClock();
  const errors: [unknown, string][] = [];
  const made = new Scheduler({ clock, random: () => random, onError: (error, name) => errors.push([error, name]) });
  return { clock, scheduler: made, errors };
}

test('jitter is even on both sides', () => {
  expect([0, 0.5, 1].map((r) => Math.round(jittered(100, 0.1, () => r)))).toEqual([90, 100, 110]);
});

describe('Scheduler', () => {
  test('calls in due order with one timer', async () => {
    const { clock, scheduler: s } = scheduler();
    const calls: string[] = [];
    s.after(300, 'c', () => calls.push('c'));
    s.after(100, 'a', () => calls.push('a'));
    s.after(200, 'b', () => calls.push('b'));
    expect(clock.timers).toBe(1);
    await clock.advance(99 - 20);
    expect(calls).toEqual([]);
    await clock.advance(1000);
    expect(calls).toEqual(['a', 'b', 'c']);
    expect(clock.timers).toBe(0);
  });

  test('says what is overdue most, and nothing of what is still to come or was cancelled', async () => {
    let nowMs = 1000;
    const standing = { nowMs: () => nowMs, wallMs: () => 0, after: () => () => {} }; // timers that never fire
    const s = new Scheduler({ clock: standing, random: () => 0.5, onError: () => {} });
    s.after(50, 'late', () => {});
    s.after(20, 'later', () => {})();
    s.after(30, 'latest', () => {});
    expect(s.overdue()).toBeNull();
    nowMs = 1040;
    expect(s.overdue()).toEqual({ name: 'latest', lateMs: 10 });
    nowMs = 1100;
    expect(s.overdue()).toEqual({ name: 'latest', lateMs: 70 });
  });

  test('what is due within 20 ms shares a wake-up', async () => {
    const { clock, scheduler: s } = scheduler();
    const at: number[] = [];
    s.after(100, 'a', () => at.push(clock.nowMs()));
    s.after(119, 'b', () => at.push(clock.nowMs()));
    await clock.advance(100);
    expect(at).toHaveLength(2);
    expect(at[0]).toBe(at[1]);
  });

  test('a cancelled callback does not run, not even when cancelled by one of the same moment', async () => {
    const { clock, scheduler: s } = scheduler();
    const calls: string[] = [];
    const cancelB = s.after(101, 'b', () => calls.push('b'));
    s.after(100, 'a', () => {
      calls.push('a');
      cancelB();
    });
    s.after(50, 'c', () => calls.push('c'))();
    await clock.advance(1000);
    expect(calls).toEqual(['a']);
  });

  test('a periodic job never overlaps itself, and a failing one goes on and harms no other', async () => {
    const { clock, scheduler: s, errors } = scheduler();
    let runs = 0;
    let finish: () => void = () => {};
    s.every(1000, 'slow', () => {
      runs++;
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    });
    let fails = 0;
    const stop = s.every(1000, 'fails', () => {
      fails++;
      throw new Error('no');
    });
    await clock.advance(5500);
    expect(runs).toBe(1);
    expect(fails).toBe(5);
    expect(errors).toHaveLength(5);
    expect(errors[0]?.[1]).toBe('fails');
    finish();
    stop();
    await clock.advance(1100);
    expect(runs).toBe(2);
    expect(fails).toBe(5);
  });

  test('the wait of a periodic job carries jitter', async () => {
    const { clock, scheduler: s } = scheduler(1);
    let runs = 0;
    s.every(1000, 'j', () => void runs++, 0.1);
    await clock.advance(1070);
    expect(runs).toBe(0);
    await clock.advance(30);
    expect(runs).toBe(1);
  });

  test('a wait longer than a timer can hold is not cut short', async () => {
    const { clock, scheduler: s } = scheduler();
    const days = 60 * 24 * 60 * 60_000;
    let ran = false;
    s.after(days, 'far', () => {
      ran = true;
    });
    await clock.advance(days - 1000);
    expect(ran).toBe(false);
    await clock.advance(1000);
    expect(ran).toBe(true);
  });

  test('a step of the wall clock changes nothing', async () => {
    const { clock, scheduler: s } = scheduler();
    let ran = false;
    s.after(1000, 'x', () => {
      ran = true;
    });
    clock.stepWall(-3_600_000);
    await clock.advance(1000);
    expect(ran).toBe(true);
  });

  test('tells in how long the next call of a name is due: the earliest, late ones too', async () => {
    const { clock, scheduler: s } = scheduler();
    expect(s.dueInMs('a')).toBe(Number.POSITIVE_INFINITY);
    const cancel = s.after(500, 'a', () => {});
    s.after(2000, 'a', () => {});
    s.after(100, 'b', () => {});
    expect([s.dueInMs('a'), s.dueInMs('b')]).toEqual([500, 100]);
    await clock.advance(99);
    expect(s.dueInMs('a')).toBe(401);
    cancel();
    expect(s.dueInMs('a')).toBe(1901);
    await clock.advance(1);
    expect(s.dueInMs('b')).toBe(Number.POSITIVE_INFINITY);
    s.close();
    expect(s.dueInMs('a')).toBe(Number.POSITIVE_INFINITY);
  });

  test('one that is overdue is due in less than nothing, and one that runs is not waiting', async () => {
    let nowMs = 0;
    let fire: () => void = () => {};
    const clock = {
      nowMs: () => nowMs,
      wallMs: () => nowMs,
      after: (_: number, callback: () => void) => {
        fire = callback;
        return () => {};
      },
    };
    const s = new Scheduler({ clock, random: () => 0.5, onError: (error) => expect.unreachable(String(error)) });
    const seen: number[] = [];
    s.after(100, 'a', () => seen.push(s.dueInMs('a')));
    nowMs = 130;
    expect(s.dueInMs('a')).toBe(-30);
    fire();
    expect(seen).toEqual([Number.POSITIVE_INFINITY]);
  });

  test('a periodic job is due from one run to the next, and not while it runs', async () => {
    const { clock, scheduler: s } = scheduler();
    let finish: () => void = () => {};
    const stop = s.every(
      1000,
      'j',
      () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    );
    expect(s.dueInMs('j')).toBe(1000);
    await clock.advance(1000);
    expect(s.dueInMs('j')).toBe(Number.POSITIVE_INFINITY);
    finish();
    await settle();
    expect(s.dueInMs('j')).toBe(1000);
    stop();
    expect(s.dueInMs('j')).toBe(Number.POSITIVE_INFINITY);
  });

  test('a periodic job runs from its turn until its end, also for what has its turn in the same wake-up', async () => {
    const { clock, scheduler: s } = scheduler();
    const ends: (() => void)[] = [];
    const run = (): Promise<void> => new Promise((resolve) => ends.push(resolve));
    s.every(1000, 'j', run);
    s.every(1000, 'j', run);
    const seen: boolean[] = [s.isRunning('j')];
    s.after(1010, 'beside it', () => seen.push(s.isRunning('j'), ends.length > 0));
    await clock.advance(1000);
    expect(seen).toEqual([false, true, false]); // it has its turn, and has done nothing yet
    ends[0]?.();
    await settle();
    expect(s.isRunning('j')).toBe(true); // the other one
    ends[1]?.();
    await settle();
    expect(s.isRunning('j')).toBe(false);
  });

  test('one that fails runs no more', async () => {
    const { clock, scheduler: s, errors } = scheduler();
    s.every(1000, 'j', () => Promise.reject(new Error('no')));
    await clock.advance(1000);
    expect([errors.length, s.isRunning('j')]).toEqual([1, false]);
  });

  test('after close nothing runs and nothing is taken', async () => {
    const { clock, scheduler: s } = scheduler();
    let ran = 0;
    s.after(100, 'x', () => void ran++);
    s.every(100, 'y', () => void ran++);
    s.close();
    s.after(100, 'z', () => void ran++);
    await clock.advance(1000);
    await settle();
    expect(ran).toBe(0);
    expect(clock.timers).toBe(0);
    expect(s.waiting).toBe(0);
  });
});
