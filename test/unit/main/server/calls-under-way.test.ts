import type { ServiceError } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { answerWithinMs, CallsUnderWay } from '../../../../src/main/server/calls-under-way.ts';
import type { RemoteOutcome } from '../../../../src/shared/contracts/remote.ts';
import type { ListAgentsResponse } from '../../../../src/shared/gen/daemon.ts';
import { FakeClock, settle } from '../../../fakes/clock.ts';

describe('answerWithinMs', () => {
  test.each([
    [90_000, 88_000],
    [30_000, 28_000],
    [10_000, 8000],
    [1000, 800],
    [1, 0.8],
    [0, 0],
    [-5, 0],
  ])('with %i ms left, within %d', (leftMs, expected) => expect(answerWithinMs(leftMs)).toBeCloseTo(expected));
});

describe('CallsUnderWay', () => {
  type Outcome = RemoteOutcome<'ListAgents'>;
  const DONE: Outcome = { response: { agents: [] } };

  function underWay(deadline: Date | number = Number.POSITIVE_INFINITY) {
    const clock = new FakeClock();
    const calls = new CallsUnderWay((delayMs, _, run) => clock.after(delayMs, run));
    const call = { cancelled: false, getDeadline: () => deadline };
    const answers: (Pick<ServiceError, 'code' | 'details'> | ListAgentsResponse)[] = [];
    let finish: (outcome: Outcome) => void = () => {};
    let gone = (): boolean => expect.unreachable('it was not told how to ask');
    calls.add<'ListAgents'>(
      call,
      (error, response) =>
        answers.push(
          error && 'code' in error
            ? { code: Number(error.code), details: String(error.details) }
            : (response ?? { agents: [] }),
        ),
      (ask) => {
        gone = ask;
        return new Promise((resolve) => {
          finish = resolve;
        });
      },
    );
    return { clock, calls, call, answers, finish: (outcome: Outcome) => finish(outcome), gone: () => gone() };
  }

  test.each<[string, Outcome, object]>([
    ['an answer', DONE, { agents: [] }],
    ['a status', { status: status.NOT_FOUND, message: 'no' }, { code: status.NOT_FOUND, details: 'no' }],
  ])('%s is passed on, and leaves no timer', async (_, outcome, answer) => {
    const { clock, answers, finish, gone } = underWay(Date.now() + 60_000);
    expect([clock.timers, gone()]).toEqual([1, false]);
    finish(outcome);
    await settle();
    expect(answers).toEqual([answer]);
    expect([clock.timers, gone()]).toEqual([0, true]);
  });

  test('before the deadline it is answered once, and what comes later is nobody’s', async () => {
    const { clock, answers, finish, gone } = underWay(new Date(Date.now() + 60_000));
    await clock.advance(57_000);
    expect([answers, gone()]).toEqual([[], false]);
    await clock.advance(2000);
    expect(answers).toEqual([{ code: status.INTERNAL, details: expect.stringContaining('ask again') }]);
    expect(gone()).toBe(true);
    finish(DONE);
    await settle();
    expect(answers).toHaveLength(1);
  });

  test('without a deadline it waits for ever', async () => {
    const { clock, answers } = underWay();
    await clock.advance(1e9);
    expect([clock.timers, answers]).toEqual([0, []]);
  });

  test('a caller who gave up has gone', () => {
    const { call, gone } = underWay();
    call.cancelled = true;
    expect(gone()).toBe(true);
  });

  test('the end answers all, once', async () => {
    const { clock, calls, answers, finish } = underWay(Date.now() + 60_000);
    calls.end();
    calls.end();
    finish(DONE);
    await clock.advance(60_000);
    expect(answers).toEqual([{ code: status.INTERNAL, details: expect.stringContaining('goes on') }]);
    expect(clock.timers).toBe(0);
  });
});
