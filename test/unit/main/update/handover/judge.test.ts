import { describe, expect, test } from 'vitest';
import {
  type HandoverFacts,
  type HandoverMemory,
  type HandoverReport,
  isVersionOf,
  judgeHandover,
  openHandover,
} from '../../../../../src/main/update/handover/judge.ts';
import { daemonJournal, processName } from '../../../../fakes/daemon-journal.ts';

const BEFORE = ['b', 'c'].map((id, i) => ({ id, process: processName(31 + i) }));
const LIMITS = daemonJournal({ daemon: processName(10), verifyMs: 2000, verifyTimeoutMs: 40_000, agents: BEFORE });
const START_MS = 1_000_000;

function report(over: Partial<HandoverReport> = {}): HandoverReport {
  const link = { connected: true, busy: false, reason: '' };
  return { process: processName(20), version: '1.1.0', beatMs: START_MS, link, agents: [], ...over };
}

function facts(over: Partial<HandoverFacts> = {}): HandoverFacts {
  return {
    nowMs: START_MS,
    daemon: processName(20),
    report: report(),
    livingAgents: [],
    managerAnswers: null,
    ...over,
  };
}

const unconnected = (over: Partial<HandoverReport['link']> = {}): HandoverReport =>
  report({ link: { connected: false, busy: false, reason: '', ...over } });

/** Looks one after another, and what they came to. */
function judge(looks: readonly HandoverFacts[], limits = LIMITS): ReturnType<typeof judgeHandover> {
  let memory: HandoverMemory = openHandover(START_MS);
  for (const [i, look] of looks.entries()) {
    const verdict = judgeHandover(memory, look, limits);
    if (verdict.kind !== 'wait') return i === looks.length - 1 ? verdict : { kind: 'failed', reason: `early, at ${i}` };
    memory = verdict.memory;
  }
  return { kind: 'wait', memory };
}

const missing = (look: HandoverFacts, limits = LIMITS): string | null => {
  const verdict = judge([look], limits);
  if (verdict.kind !== 'wait') throw new Error(verdict.kind);
  return verdict.memory.goodSinceMs === null ? verdict.memory.missing : null;
};

describe('what keeps a version from counting as well', () => {
  const agent = { id: 'a', process: processName(30) };
  test.each<[string, HandoverFacts, string | null]>([
    ['nothing', facts(), null],
    ['no process', facts({ daemon: null, report: null }), 'it does not run'],
    ['no report', facts({ report: null }), 'it runs, but has told nothing of itself'],
    [
      'the former version, which is still ending',
      facts({ daemon: LIMITS.daemon, report: report({ process: LIMITS.daemon, version: '1.0.0' }) }),
      'version 1.0.0 runs',
    ],
    ['a third version', facts({ report: report({ version: '3.0.0' }) }), 'version 3.0.0 runs'],
    ['a beat that is too old', facts({ nowMs: START_MS + 5001 }), 'it hangs: its last sign of life is 5001 ms old'],
    ['a beat that is just young enough', facts({ nowMs: START_MS + 5000 }), null],
    ['an agent that it does not know', facts({ livingAgents: [agent] }), 'it has not taken up agent a, which runs'],
    [
      'an agent that it has not adopted',
      facts({ livingAgents: [agent], report: report({ agents: [{ id: 'a', process: null }] }) }),
      'it has not taken up agent a, which runs',
    ],
    [
      'an agent that it has started a second time',
      facts({ livingAgents: [agent], report: report({ agents: [{ id: 'a', process: processName(31) }] }) }),
      'it has not taken up agent a, which runs',
    ],
    [
      'every agent ended with the former version',
      facts({ report: report({ agents: [{ id: 'b', process: null }] }) }),
      'none of the agents that ran before runs',
    ],
    [
      'one of several ended by itself',
      facts({
        report: report({
          agents: [
            { id: 'b', process: null },
            { id: 'c', process: processName(32) },
          ],
        }),
      }),
      null,
    ],
    ['an agent that it has adopted', facts({ livingAgents: [agent], report: report({ agents: [agent] }) }), null],
    ['no link yet', facts({ report: unconnected() }), 'it is not connected yet'],
    [
      'no link to a Manager that answers',
      facts({ report: unconnected(), managerAnswers: true }),
      'it cannot reach a Manager that answers',
    ],
    [
      'no link to a Manager that answers, and it says why',
      facts({ report: unconnected({ reason: 'broken' }), managerAnswers: true }),
      'it cannot reach a Manager that answers: broken',
    ],
    ['a Manager that is away', facts({ report: unconnected(), managerAnswers: false }), null],
    ['a Manager that is overloaded', facts({ report: unconnected({ busy: true }), managerAnswers: true }), null],
  ])('%s', (_, look, expected) => {
    expect(missing(look)).toBe(expected);
  });

  test('no link counts against nobody who had none before', () => {
    const look = facts({ report: unconnected(), managerAnswers: true });
    expect(missing(look, { ...LIMITS, linked: false })).toBeNull();
  });
});

describe('the verdict', () => {
  const well = (ms: number, daemon = processName(20)): HandoverFacts =>
    facts({ nowMs: START_MS + ms, daemon, report: report({ process: daemon, beatMs: START_MS + ms }) });
  const absent = (ms: number): HandoverFacts => facts({ nowMs: START_MS + ms, daemon: null, report: null });

  test('proven once it has been well for long enough', () => {
    expect(judge([well(0), well(1999)])).toMatchObject({ kind: 'wait' });
    expect(judge([well(0), well(1999), well(2000)])).toEqual({ kind: 'proven' });
  });

  test('the time begins anew after anything that was missing', () => {
    const silent = { ...well(1000), report: null };
    expect(judge([well(0), silent, well(1500), well(3499)])).toMatchObject({ kind: 'wait' });
    expect(judge([well(0), silent, well(1500), well(3499), well(3500)])).toEqual({ kind: 'proven' });
  });

  test('the time begins anew with another process', () => {
    const [first, second] = [processName(20), processName(21)];
    const looks = [well(0, first), well(1000, second), well(2500, second)];
    expect(judge(looks)).toMatchObject({ kind: 'wait', memory: { goodSinceMs: START_MS + 1000 } });
  });

  test('a crash loop is failed, the process before it not counted', () => {
    const one = (pid: number, ms: number): HandoverFacts =>
      facts({ nowMs: START_MS + ms, daemon: processName(pid), report: null });
    const looks = [one(10, 0), one(21, 1), one(22, 2), one(22, 3), one(23, 4)];
    expect(judge(looks)).toMatchObject({ kind: 'wait' });
    expect(judge([...looks, one(24, 5)])).toEqual({
      kind: 'failed',
      reason: 'it was started 4 times and did not stay',
    });
  });

  test('the former version that was started again by its launcher is failed at once', () => {
    const former = facts({ report: report({ version: '1.0.0' }) });
    expect(judge([former])).toEqual({
      kind: 'failed',
      reason: 'it did not stay: version 1.0.0 was started again',
    });
  });

  test('one that does not come up is failed, counted from when it was last seen', () => {
    expect(judge([well(0), absent(29_999)])).toMatchObject({ kind: 'wait' });
    expect(judge([{ ...well(10_000), report: null }, absent(39_999)])).toMatchObject({ kind: 'wait' });
    expect(judge([absent(30_000)])).toEqual({ kind: 'failed', reason: 'it did not come up within 30 s' });
  });

  test.each<[string, HandoverFacts[], string]>([
    ['what is missing now', [{ ...well(40_000), report: null }], 'it runs, but has told nothing of itself'],
    ['what was missing last', [{ ...well(0), report: null }, well(39_000), well(40_000)], 'it runs, but'],
    ['that nothing was seen', [well(40_000)], 'it has not been seen yet'],
  ])('failed when the time is up, with %s', (_, looks, why) => {
    const verdict = judge(looks);
    expect(verdict).toMatchObject({ kind: 'failed' });
    const { reason } = verdict as { reason: string };
    expect(reason).toContain('it did not prove itself within 40 s: ');
    expect(reason).toContain(why);
  });
});

test.each([
  ['1.1.0', '1.1.0', '1.0.0', true],
  ['1.1.0', 'v1.1', '1.0.0', true],
  ['1.1.0+b', '1.1.0', '1.0.0', true],
  ['1.0.0', '1.1.0', '1.0.0', false],
  // builds of one version: only the very text tells them apart
  ['1.0.0+a', '1.0.0+b', '1.0.0+a', false],
  ['1.0.0+b', '1.0.0+b', '1.0.0+a', true],
])('%s is the wanted %s and not %s: %s', (told, wanted, other, expected) => {
  expect(isVersionOf(told, wanted, other)).toBe(expected);
});
