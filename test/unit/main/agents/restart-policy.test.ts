import { describe, expect, test } from 'vitest';
import { decideRestart, quietMs, type RestartLimits, staircaseMs } from '../../../../src/main/agents/restart-policy.ts';

const LIMITS: RestartLimits = {
  policy: 'always',
  maxRetries: 10,
  backoffBaseMs: 10_000,
  backoffMaxMs: 60_000,
  noRestartExitCodes: [78],
};
const none = (): number => 0;
const CRASH = { code: 1 };

describe('the staircase of the design document', () => {
  test('is 0, 10, 10, 30, 30, then 60 s with its defaults', () => {
    const waits = [0, 1, 2, 3, 4, 5, 6, 50].map((attempt) => staircaseMs(attempt, 10_000, 60_000));
    expect(waits).toEqual([0, 10_000, 10_000, 30_000, 30_000, 60_000, 60_000, 60_000]);
  });

  test('never passes its longest wait', () => {
    expect([1, 3, 9].map((attempt) => staircaseMs(attempt, 40_000, 50_000))).toEqual([40_000, 50_000, 50_000]);
  });
});

describe('decideRestart', () => {
  test('counts attempts up and waits by the staircase', () => {
    const waits: number[] = [];
    let attempts = 0;
    for (;;) {
      const decision = decideRestart(CRASH, attempts, 1000, { ...LIMITS, maxRetries: 6 }, none);
      if (decision.kind !== 'restart') {
        expect(decision).toEqual({ kind: 'give-up' });
        break;
      }
      waits.push(decision.delayMs);
      attempts = decision.attempt;
    }
    expect(waits).toEqual([0, 10_000, 10_000, 30_000, 30_000, 60_000]);
  });

  test('begins anew after more than five quiet minutes, and not before', () => {
    expect(decideRestart(CRASH, 5, 5 * 60_000, LIMITS, none)).toMatchObject({ delayMs: 60_000, attempt: 6 });
    expect(decideRestart(CRASH, 5, 5 * 60_000 + 1, LIMITS, none)).toMatchObject({ delayMs: 0, attempt: 1 });
  });

  test('the quiet time is longer than any wait, so that the limit can be reached', () => {
    expect(quietMs(60_000)).toBe(5 * 60_000);
    expect(quietMs(10 * 60_000)).toBe(20 * 60_000);
  });

  test('lengthens a wait by at most a tenth', () => {
    expect(decideRestart(CRASH, 1, 0, LIMITS, () => 0.5)).toMatchObject({ delayMs: 10_500 });
  });

  test.each([
    ['always', 0, 'restart'],
    ['always', 1, 'restart'],
    ['on-failure', 1, 'restart'],
    ['on-failure', null, 'restart'],
    ['on-failure', 0, 'leave'],
    ['never', 0, 'leave'],
    ['never', 1, 'leave'],
  ] as const)('policy %s after code %s: %s', (policy, code, kind) => {
    expect(decideRestart({ code }, 0, 1000, { ...LIMITS, policy }, none).kind).toBe(kind);
  });

  test('says whether an end that is left alone was a failure', () => {
    const never = { ...LIMITS, policy: 'never' } as const;
    expect(decideRestart({ code: 0 }, 0, 0, never, none)).toEqual({ kind: 'leave', failed: false });
    expect(decideRestart({ code: null }, 0, 0, never, none)).toEqual({ kind: 'leave', failed: true });
  });

  test('some exit codes end an agent for good at once, whatever the policy', () => {
    expect(decideRestart({ code: 78 }, 0, 1000, LIMITS, none)).toEqual({ kind: 'leave', failed: true });
    const zero = { ...LIMITS, noRestartExitCodes: [0] };
    expect(decideRestart({ code: 0 }, 0, 1000, zero, none)).toEqual({ kind: 'leave', failed: false });
    expect(decideRestart({ code: 77 }, 0, 1000, LIMITS, none).kind).toBe('restart');
  });

  test('max_retries 0 never restarts', () => {
    expect(decideRestart(CRASH, 0, 1000, { ...LIMITS, maxRetries: 0 }, none)).toEqual({ kind: 'give-up' });
  });
});
