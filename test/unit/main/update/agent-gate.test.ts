import { describe, expect, test } from 'vitest';
import {
  type GateFacts,
  type GateLimits,
  type GateVerdict,
  judgeAgent,
  openGate,
} from '../../../../src/main/update/agent-gate.ts';
import type { CheckName } from '../../../../src/shared/contracts/health.ts';

type Check = GateFacts['checks'][number];

const LIMITS: GateLimits = { verifyMs: 2000, verifyTimeoutMs: 10_000, ran: true, ill: [], well: [] };
const check = (name: CheckName, state: Check['state'] = 'ok', reason = ''): Check => ({ check: name, state, reason });
const WELL = [check('process'), check('heartbeat', 'off'), check('resources', 'unknown'), check('http')];
const facts = (nowMs: number, over: Partial<GateFacts> = {}): GateFacts => ({
  ...{ nowMs, status: 'running', reason: '', pid: 7, checks: WELL },
  ...over,
});

/** Looks once a second, from 0 on; `seen` says what is seen at a time. Gives the verdict and when it came. */
function judged(
  seen: (nowMs: number) => Partial<GateFacts>,
  limits: Partial<GateLimits> = {},
): { atMs: number; verdict: GateVerdict } {
  let memory = openGate(0);
  for (let nowMs = 0; nowMs <= 60_000; nowMs += 1000) {
    const verdict = judgeAgent(memory, facts(nowMs, seen(nowMs)), { ...LIMITS, ...limits });
    if (verdict.kind !== 'wait') return { atMs: nowMs, verdict };
    memory = verdict.memory;
  }
  throw new Error('it never came to a verdict');
}

describe('proven', () => {
  test.each<[string, number, (nowMs: number) => Partial<GateFacts>, Partial<GateLimits>]>([
    ['well from the start', 2000, () => ({}), {}],
    ['at the first look where no time is asked for', 0, () => ({}), { verifyMs: 0 }],
    ['well after a while', 5000, (at) => (at < 3000 ? { status: 'starting', checks: [] } : {}), {}],
    ['counted from the last break on', 8000, (at) => (at === 3000 ? { checks: [] } : {}), { verifyMs: 3001 }],
    ['seen late', 4000, (at) => (at < 2000 ? { pid: 0, status: 'starting', checks: [] } : {}), {}],
    [
      'one that did not run before need not now',
      2000,
      () => ({ pid: 0, status: 'failed', checks: [] }),
      { ran: false },
    ],
    ['nor need it stay', 2000, (at) => ({ pid: at + 1 }), { ran: false }],
    ['as ill as before', 2000, () => ({ checks: [check('process'), check('http', 'failing')] }), { ill: ['http'] }],
    [
      'held back from starting by what was ill before',
      2000,
      () => ({ status: 'starting', checks: [check('process'), check('http', 'failing')] }),
      { ill: ['http'] },
    ],
  ])('%s', (_, atMs, seen, limits) => {
    expect(judged(seen, limits)).toEqual({ atMs, verdict: { kind: 'proven' } });
  });
});

describe('failed', () => {
  test.each<[string, number, string, (nowMs: number) => Partial<GateFacts>, Partial<GateLimits>]>([
    [
      'another process',
      1000,
      'its process 7 did not stay: ended with code 4',
      (at) => (at ? { pid: 8, reason: 'ended with code 4' } : {}),
      {},
    ],
    ['no process any more', 1000, 'its process 7 did not stay', (at) => (at ? { pid: 0 } : {}), {}],
    [
      'a heartbeat that came before and comes no more',
      10_000,
      'its heartbeat check has not passed',
      () => ({}),
      { well: ['process', 'heartbeat'] },
    ],
    [
      'never running',
      10_000,
      'it did not prove itself within 10 s: it is starting',
      () => ({ status: 'starting' }),
      {},
    ],
    [
      'failed',
      10_000,
      'it is failed: could not be started',
      () => ({ pid: 0, status: 'failed', reason: 'could not be started' }),
      {},
    ],
    ['never checked', 10_000, 'it has not been checked yet', () => ({ checks: [] }), {}],
    [
      'a failing check',
      10_000,
      'its http check fails: status 500',
      () => ({ checks: [check('http', 'failing', 'status 500')] }),
      {},
    ],
    [
      'another one than was ill',
      10_000,
      'its http check fails',
      () => ({ checks: [check('http', 'failing')] }),
      { ill: ['resources'] },
    ],
    [
      'held back by what was well',
      10_000,
      'it is starting',
      () => ({ status: 'starting', checks: [check('http', 'failing')] }),
      {},
    ],
    [
      'no heartbeat',
      10_000,
      'its heartbeat check has not passed: no heartbeat yet',
      () => ({ checks: [check('heartbeat', 'unknown', 'no heartbeat yet')] }),
      {},
    ],
    ['up and down', 10_000, 'it has not been checked yet', (at) => (at % 2000 ? { checks: [] } : {}), {}],
    [
      'too short a time',
      3000,
      'within 3 s: it has not been seen running yet',
      () => ({}),
      { verifyMs: 5000, verifyTimeoutMs: 3000 },
    ],
  ])('%s', (_, atMs, reason, seen, limits) => {
    expect(judged(seen, limits)).toEqual({
      atMs,
      verdict: { kind: 'failed', reason: expect.stringContaining(reason) },
    });
  });
});
