import { describe, expect, test } from 'vitest';
import { freshStamps, parseLogName, toStamp } from '../../../../src/main/agents/log-names.ts';

const STAMP = '20260131T120000Z';
const NOON = Date.UTC(2026, 0, 31, 12);

describe('names of log files', () => {
  test.each([
    ['a.log', { agentId: 'a', stamp: null }],
    ['a-b.log', { agentId: 'a-b', stamp: null }],
    [`a.${STAMP}.log`, { agentId: 'a', stamp: STAMP, state: 'kept' }],
    [`a-b.${STAMP}.log`, { agentId: 'a-b', stamp: STAMP, state: 'kept' }],
    [`a_${STAMP}.log`, { agentId: `a_${STAMP}`, stamp: null }],
    [`a.${STAMP}.log.part`, { agentId: 'a', stamp: STAMP, state: 'part' }],
    [`a.${STAMP}.log.copied`, { agentId: 'a', stamp: STAMP, state: 'copied' }],
    [`a.${STAMP}.log.gz.part`, { agentId: 'a', stamp: STAMP, state: 'gz-part' }],
    [`a.${STAMP}.log.gz`, { agentId: 'a', stamp: STAMP, state: 'gz' }],
    [`${'x'.repeat(100)}.log`, { agentId: 'x'.repeat(100), stamp: null }],
  ])('%s', (name, expected) => {
    expect(parseLogName(name)).toEqual(expected);
  });

  test.each([
    'a.log.gz',
    'a.log.part',
    'a.log.log',
    'a.b.log',
    '.log',
    'a.log.1',
    'a.txt',
    `a.${STAMP}.log.bak`,
    `a.${STAMP}.gz`,
    `.a.${STAMP}.log`,
    'a.20261331T120000Z.log',
    'a.20260131T250000Z.log',
    'a.2026-01-31T12:00:00Z.log',
    `${'x'.repeat(101)}.log`,
    'a.log\n',
  ])('not ours: %j', (name) => {
    expect(parseLogName(name)).toBeNull();
  });

  test('stamps are of the second, in UTC', () => {
    expect(toStamp(NOON + 999)).toBe(STAMP);
  });

  test.each([
    ['nothing in use', [], [STAMP, '20260131T120001Z']],
    ['used in the same second', [STAMP], ['20260131T120001Z', '20260131T120002Z']],
    [
      'the clock was set back by a day',
      ['20260201T120000Z', '20260131T000000Z'],
      ['20260201T120001Z', '20260201T120002Z'],
    ],
    ['only older ones', ['20250101T000000Z'], [STAMP, '20260131T120001Z']],
  ])('fresh stamps are later than all others: %s', (_, used, expected) => {
    const fresh = freshStamps(NOON, used);
    expect([fresh.next().value, fresh.next().value]).toEqual(expected);
  });
});
