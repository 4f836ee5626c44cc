import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { delayAfter, type Failure, GaveUp, type RetryPolicy, retry } from '../../../../src/shared/lifecycle/retry.ts';
import type { Clock } from '../../../../src/shared/platform/clock.ts';

/** A clock on which every wait is over at once, or never; counts the timers that nobody took back. */
class TestClock implements Clock {
  ms = 0;
  timers = 0;
  readonly #runs: boolean;

  constructor(runs = true) {
    this.#runs = runs;
  }

  nowMs(): number {
    return this.ms;
  }

  wallMs(): number {
    return this.ms;
  }

  after(ms: number, callback: () => void): () => void {
    this.timers++;
    let open = true;
    const over = (): void => {
      if (open) this.timers--;
      open = false;
    };
    if (this.#runs) {
      queueMicrotask(() => {
        if (!open) return;
        over();
        this.ms += ms;
        callback();
      });
    }
    return over;
  }
}

const POLICY: RetryPolicy = { baseMs: 100, maxMs: 1000, maxRetries: Number.POSITIVE_INFINITY };

function setUp({ runs = true, succeedsAt = Number.POSITIVE_INFINITY } = {}) {
  const clock = new TestClock(runs);
  const abort = new AbortController();
  const told: Failure[] = [];
  let attempts = 0;
  const attempt = async (): Promise<string> => {
    attempts++;
    if (attempts < succeedsAt) throw new Error(`failure ${attempts}`);
    return 'done';
  };
  const options = {
    signal: abort.signal,
    clock,
    random: () => 1,
    isFinal: () => false,
    onRetry: (failure: Failure): void => void told.push(failure),
  };
  const nothingLeft = (): void => {
    expect(clock.timers).toBe(0);
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  };
  return { clock, abort, told, attempt, options, nothingLeft, attempts: () => attempts };
}

describe('delayAfter', () => {
  test('is null once the retries are used up', () => {
    const policy = { ...POLICY, maxRetries: 2 };
    expect([1, 2, 3].map((failures) => delayAfter(policy, failures, () => 0))).toEqual([100, 100, null]);
    expect(delayAfter({ ...POLICY, maxRetries: 0 }, 1, () => 0)).toBeNull();
  });

  test('goes on for ever where that is the policy', () => {
    expect(delayAfter(POLICY, 1e9, () => 1)).toBe(1000);
  });
});

describe('retry', () => {
  test('tries until it succeeds, and tells each failure with the wait that follows', async () => {
    const { attempt, options, told, nothingLeft } = setUp({ succeedsAt: 4 });
    await expect(retry(POLICY, attempt, options)).resolves.toBe('done');
    expect(told.map(({ failures, delayMs }) => [failures, delayMs])).toEqual([
      [1, 200],
      [2, 400],
      [3, 800],
    ]);
    expect(told[2]?.error).toMatchObject({ message: 'failure 3' });
    nothingLeft();
  });

  test('waits for what the other side asks, up to the longest wait', async () => {
    const { attempt, options, told } = setUp({ succeedsAt: 4 });
    const asked = [0, 700, 5000];
    await retry(POLICY, attempt, { ...options, askedMs: () => asked.shift() ?? 0 });
    expect(told.map(({ delayMs }) => delayMs)).toEqual([200, 700, 1000]);
  });

  test('gives up with the last error as the cause and the number of attempts', async () => {
    const { attempt, options, attempts, nothingLeft } = setUp();
    const given = await retry({ ...POLICY, maxRetries: 2 }, attempt, options).catch((error: unknown) => error);
    expect(given).toBeInstanceOf(GaveUp);
    expect(given).toMatchObject({ attempts: 3, limit: 'retries', cause: { message: 'failure 3' } });
    expect(attempts()).toBe(3);
    nothingLeft();
  });

  test('begins no attempt later than the budget, and does not wait for one either', async () => {
    const { clock, attempt, options, nothingLeft } = setUp();
    const given = await retry({ ...POLICY, budgetMs: 700 }, attempt, options).catch((error: unknown) => error);
    expect(given).toMatchObject({ name: 'GaveUp', limit: 'budget', attempts: 3, cause: { message: 'failure 3' } });
    expect(clock.ms).toBe(600);
    nothingLeft();
  });

  test('a final error is thrown as it is, at once', async () => {
    const { attempt, options, attempts, told } = setUp();
    const isFinal = (error: unknown): boolean => error instanceof Error && error.message === 'failure 2';
    await expect(retry(POLICY, attempt, { ...options, isFinal })).rejects.toThrow('failure 2');
    expect([attempts(), told.length]).toEqual([2, 1]);
  });

  test('aborted before it begins, it makes no attempt', async () => {
    const { abort, attempt, options, attempts } = setUp();
    abort.abort(new Error('ending'));
    await expect(retry(POLICY, attempt, options)).rejects.toThrow('ending');
    expect(attempts()).toBe(0);
  });

  test('aborted during a wait, it ends at once', async () => {
    const { abort, attempt, options, nothingLeft, clock } = setUp({ runs: false });
    const ended = retry(POLICY, attempt, options).catch((error: unknown) => error);
    while (clock.timers === 0) await Promise.resolve();
    abort.abort(new Error('ending'));
    expect(await ended).toMatchObject({ message: 'ending' });
    nothingLeft();
  });

  test('aborted by what it tells, it does not wait', async () => {
    const { abort, attempt, options, nothingLeft } = setUp({ runs: false });
    const onRetry = (): void => abort.abort(new Error('ending'));
    await expect(retry(POLICY, attempt, { ...options, onRetry })).rejects.toThrow('ending');
    nothingLeft();
  });

  test('aborted during an attempt, it waits for the attempt to end and makes no other', async () => {
    const { abort, options, told, nothingLeft } = setUp();
    const order: string[] = [];
    const attempt = (signal: AbortSignal): Promise<never> =>
      new Promise((_, reject) => {
        const stop = (): void => {
          order.push('attempt ended');
          reject(new Error('cut short'));
        };
        signal.addEventListener('abort', stop, { once: true });
      });
    const ended = retry(POLICY, attempt, options).catch((error: unknown) => {
      order.push('retry ended');
      return error;
    });
    abort.abort(new Error('ending'));
    expect(await ended).toMatchObject({ message: 'ending' });
    expect(order).toEqual(['attempt ended', 'retry ended']);
    expect(told).toEqual([]);
    nothingLeft();
  });

  test('an attempt that succeeds although it was aborted counts', async () => {
    const { abort, options } = setUp();
    const attempt = async (): Promise<number> => {
      abort.abort(new Error('ending'));
      return 1;
    };
    await expect(retry(POLICY, attempt, options)).resolves.toBe(1);
  });
});
