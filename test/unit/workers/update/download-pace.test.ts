import { describe, expect, test } from 'vitest';
import { pause } from '../../../../src/shared/lifecycle/retry.ts';
import { RateLimit, SpeedWatch } from '../../../../src/workers/update/download-pace.ts';
import { FakeClock, settle } from '../../../fakes/clock.ts';

describe('pause', () => {
  test('ends with its time, and leaves no timer', async () => {
    const clock = new FakeClock();
    let over = false;
    const paused = pause(100, clock, new AbortController().signal).then(() => {
      over = true;
    });
    await clock.advance(99);
    expect(over).toBe(false);
    await clock.advance(1);
    await paused;
    expect(clock.timers).toBe(0);
  });

  test('ends with its signal, for its reason', async () => {
    const clock = new FakeClock();
    const abort = new AbortController();
    const paused = pause(100, clock, abort.signal);
    abort.abort(new Error('enough'));
    await expect(paused).rejects.toThrow('enough');
    expect(clock.timers).toBe(0);
    await expect(pause(100, clock, abort.signal)).rejects.toThrow('enough');
    expect(clock.timers).toBe(0);
  });
});

describe('RateLimit', () => {
  test('every byte costs its time; time in which nothing came is not saved up', () => {
    const rate = new RateLimit(1000);
    expect(rate.delayMs(500, 0)).toBe(500);
    expect(rate.delayMs(100, 200)).toBe(400);
    expect(rate.delayMs(100, 600)).toBe(100);
    expect(rate.delayMs(1000, 60_000)).toBe(1000);
  });

  test('0 is no limit', () => {
    expect(new RateLimit(0).delayMs(10 ** 9, 5)).toBe(0);
  });
});

describe('SpeedWatch', () => {
  function watch(minBytesPerSecond: number) {
    const clock = new FakeClock();
    const told: string[] = [];
    const tooSlow = (reason: string): void => void told.push(reason);
    const watched = new SpeedWatch({ minBytesPerSecond, windowMs: 1000, clock, tooSlow });
    const receive = async (bytes: number, afterMs: number): Promise<void> => {
      watched.waiting();
      await clock.advance(afterMs);
      watched.came(bytes);
    };
    return { clock, told, watched, receive };
  }

  test('silence is too slow at the end of the window, and not before', async () => {
    const { clock, told, watched } = watch(100);
    watched.waiting();
    await clock.advance(999);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual(['too slow: 0 bytes a second over 1 s, at least 100 are wanted']);
    await clock.advance(10_000);
    expect(told).toHaveLength(1);
    expect(clock.timers).toBe(0);
  });

  test('enough in each window is enough', async () => {
    const { clock, told, watched, receive } = watch(100);
    for (let n = 0; n < 50; n++) await receive(11, 99);
    expect(told).toEqual([]);
    watched.waiting();
    await clock.advance(2000);
    expect(told).toHaveLength(1);
  });

  test('a fast beginning does not pay for a slow end', async () => {
    const { told, receive } = watch(100);
    await receive(1_000_000, 10);
    for (let n = 0; n < 30; n++) await receive(1, 100);
    expect(told[0]).toMatch(/^too slow: \d{1,2} bytes a second/);
  });

  test('our own pauses do not count', async () => {
    const { clock, told, receive } = watch(100);
    for (let n = 0; n < 30; n++) {
      await receive(20, 100);
      await clock.advance(5000);
    }
    expect(told).toEqual([]);
  });

  test('once stopped, or without a limit, it says nothing', async () => {
    const { clock, told, watched } = watch(100);
    watched.waiting();
    watched.stop();
    await clock.advance(5000);
    const free = watch(0);
    free.watched.waiting();
    await free.clock.advance(5000);
    await settle();
    expect([...told, ...free.told]).toEqual([]);
    expect(clock.timers + free.clock.timers).toBe(0);
  });
});
