import { describe, expect, test } from 'vitest';
import { agentFailure, daemonFailure, interrupted, resultOf } from '../../../../src/main/update/failure.ts';
import type { AgentJournal, DaemonJournal } from '../../../../src/main/update/journal-format.ts';
import { AGENT_STEPS, type AgentStep } from '../../../../src/main/update/steps.ts';
import { DaemonError } from '../../../../src/shared/errors/daemon-error.ts';
import { agentJournalOf, daemonJournalOf } from './journals.ts';

const at = (step: AgentStep, over: Partial<AgentJournal> = {}): AgentJournal => agentJournalOf({ step, ...over });
const refused = new DaemonError('D4002', 'the hash is another (check: hash)');
/** As an error of another bundle is: of another class, with the code. */
const foreign = Object.assign(new Error('too slow'), { code: 'D4001' });

describe('a failed step of an agent', () => {
  test.each<[AgentStep, unknown, AgentStep, string]>([
    ['downloading', foreign, 'abandoned', 'D4001'],
    ['verifying', refused, 'abandoned', 'D4002'],
    ['staging', Object.assign(new Error('no room'), { code: 'ENOSPC' }), 'abandoned', 'D4003'],
    ['backing-up', 'nothing but a text', 'abandoned', 'D4003'],
    ['stopping', new DaemonError('D3002', 'it stays'), 'restarting-old', 'D4003'],
    ['switching', new DaemonError('D4003', 'no rename'), 'restoring', 'D4003'],
    ['starting', new DaemonError('D3001', 'no start'), 'restoring', 'D4003'],
    ['proving', refused, 'restoring', 'D4003'],
  ])('%s: %s, then %s with %s', (step, error, next, code) => {
    const why = error instanceof Error ? error.message : String(error);
    expect(agentFailure(at(step), error)).toEqual({ ...at(step), step: next, failure: { code, error: why } });
  });

  test.each<[AgentStep, AgentStep]>([
    ['restoring', 'restarting-old'],
    ['restarting-old', 'rolled-back'],
  ])('%s: the way back failed, which is D4004 and says both', (step, then) => {
    const before = { code: 'D4003', error: 'it is no good' };
    const { failure, step: next } = agentFailure(at(step, { failure: before }), new Error('gone', { cause: 'ENOENT' }));
    expect(next).toBe(then);
    expect(failure).toEqual({ code: 'D4004', error: 'it is no good; going back failed too: gone: ENOENT' });
  });

  test('going back without a reason', () => {
    expect(agentFailure(at('restoring'), new Error('gone')).failure?.error).toBe('; going back failed too: gone');
  });
});

describe('cut short by the end of the daemon', () => {
  test.each((Object.keys(AGENT_STEPS) as AgentStep[]).filter((step) => AGENT_STEPS[step].resume === 'abandon'))(
    '%s: nothing was changed',
    (step) => {
      const { step: next, failure } = interrupted(at(step));
      expect(next).toBe('abandoned');
      const error = `the daemon ended while the update was at ${step}`;
      expect(failure).toEqual({ code: 'D4003', error, interrupted: true });
    },
  );
  test.each<[AgentStep, AgentStep]>([
    ['stopping', 'restarting-old'],
    ['switching', 'restoring'],
  ])('%s: goes on at %s', (step, next) => expect(interrupted(at(step)).step).toBe(next));
  test.each<AgentStep>(['restoring', 'restarting-old', 'rolled-back', 'abandoned'])('%s: goes on as it was', (step) => {
    const journal = at(step, { failure: { code: 'D4003', error: 'no good' } });
    expect(interrupted(journal)).toBe(journal);
  });
});

describe('what is told of the end', () => {
  const failure = { code: 'D4003', error: 'no good' };
  test.each<[string, AgentJournal | DaemonJournal, object]>([
    ['success', at('committed', { failure: null }), { success: true, code: '', error: '', rolledBack: false }],
    ['rolled back', at('rolled-back', { failure, switched: true }), { success: false, ...failure, rolledBack: true }],
    ['stopped only', at('rolled-back', { failure }), { success: false, ...failure, rolledBack: false }],
    ['refused', at('abandoned', { failure }), { success: false, ...failure, rolledBack: false }],
    [
      'no way back',
      at('rolled-back', { failure: { code: 'D4004', error: 'gone' }, switched: true }),
      { code: 'D4004', rolledBack: false },
    ],
    ['nobody knows why', at('abandoned', { failure: null }), { code: 'internal', error: 'unknown' }],
    [
      'a daemon',
      daemonJournalOf({ step: 'rolled-back', failure }),
      { component: 'daemon', agentId: '', rolledBack: true },
    ],
    [
      'an agent',
      at('committed'),
      { component: 'agent', agentId: 'one', oldVersion: '1.0.0', newVersion: '1.1.0', atMs: 5 },
    ],
  ])('%s', (_, journal, expected) => expect(resultOf(journal, 5)).toMatchObject(expected));
});

test('a failed step of the daemon itself changes nothing', () => {
  const journal = daemonJournalOf({ step: 'staging' });
  expect(daemonFailure(journal, refused)).toEqual({
    ...journal,
    step: 'abandoned',
    failure: { code: 'D4002', error: refused.message },
  });
});
