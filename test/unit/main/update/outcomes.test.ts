import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  acknowledged,
  deliveredUpTo,
  NO_OUTCOMES,
  type Outcomes,
  parseOutcomes,
  refusedVersion,
  undelivered,
  withResult,
} from '../../../../src/main/update/outcomes.ts';
import type { UpdateResult } from '../../../../src/shared/contracts/update.ts';

type Told = Omit<UpdateResult, 'number'>;

const SUCCESS: Told = {
  id: 'u1',
  component: 'agent',
  agentId: 'one',
  success: true,
  oldVersion: '1.0.0',
  newVersion: '1.1.0',
  code: '',
  error: '',
  rolledBack: false,
  atMs: 1,
};
const failed = (id: string, over: Partial<Told> = {}): Told => ({
  ...SUCCESS,
  ...{ id, success: false, code: 'D4003', error: 'no good', rolledBack: true },
  ...over,
});
const noted = (...results: Told[]): Outcomes =>
  results.reduce((known, result) => withResult(known, result), NO_OUTCOMES);

describe('results', () => {
  test('are numbered, and each update enters once', () => {
    const { results, last } = noted(SUCCESS, failed('u2'), { ...SUCCESS, newVersion: 'ignored' });
    expect(results.map(({ id, number }) => [id, number])).toEqual([
      ['u1', 1],
      ['u2', 2],
    ]);
    expect(last).toBe(2);
  });

  test('the last hundred stay, numbers go on', () => {
    const many = noted(...Array.from({ length: 130 }, (_, at) => failed(`u${at}`, { newVersion: `1.0.${at}` })));
    expect(many.results).toHaveLength(100);
    expect(many.results[0]).toMatchObject({ id: 'u30', number: 31 });
    expect(many.refused).toHaveLength(100);
    expect(many.last).toBe(130);
  });
});

describe('versions that were rolled back', () => {
  test('are not remembered where the update was only cut short', () => {
    expect(withResult(NO_OUTCOMES, failed('u1'), false)).toMatchObject({ refused: [], last: 1 });
  });

  test('are remembered by component, agent and version', () => {
    const outcomes = noted(failed('u1'), failed('u2', { agentId: 'two' }));
    expect(outcomes.refused).toHaveLength(2);
    expect(refusedVersion(outcomes, 'agent', 'one', '1.1.0')).toEqual({
      ...{ component: 'agent', agentId: 'one', version: '1.1.0' },
      ...{ reason: 'no good', atMs: 1, acknowledged: false },
    });
    for (const [component, id, version] of [
      ['daemon', 'one', '1.1.0'],
      ['agent', 'three', '1.1.0'],
      ['agent', 'one', '1.1.1'],
    ] as const)
      expect(refusedVersion(outcomes, component, id, version)).toBeUndefined();
  });

  test('again: the later reason counts, and it has not been seen', () => {
    const outcomes = withResult(acknowledged(noted(failed('u1'))), failed('u2', { error: 'still no good', atMs: 9 }));
    expect(outcomes.refused).toEqual([
      expect.objectContaining({ reason: 'still no good', atMs: 9, acknowledged: false }),
    ]);
  });

  test('one that is in place after all is forgotten; one that failed otherwise is not', () => {
    expect(noted(failed('u1'), { ...SUCCESS, id: 'u2' }).refused).toEqual([]);
    expect(noted(failed('u1'), failed('u2', { rolledBack: false, code: 'D4001' })).refused).toHaveLength(1);
    expect(noted(failed('u1', { rolledBack: false })).refused).toEqual([]);
  });

  test('are seen once somebody says so', () => {
    const before = noted(failed('u1'));
    expect(acknowledged(before).refused).toEqual([expect.objectContaining({ acknowledged: true })]);
    expect(before.refused[0]?.acknowledged).toBe(false);
  });
});

describe('what the Manager has answered', () => {
  const three = noted(SUCCESS, failed('u2'), failed('u3'));
  test.each([
    [0, ['u1', 'u2', 'u3']],
    [2, ['u3']],
    [3, []],
    [99, []],
  ])('up to %i', (number, left) => {
    expect(undelivered(deliveredUpTo(three, number)).map(({ id }) => id)).toEqual(left);
  });
  test('never fewer than before, never more than there are', () => {
    expect(deliveredUpTo(deliveredUpTo(three, 2), 1).delivered).toBe(2);
    expect(deliveredUpTo(three, 99).delivered).toBe(3);
  });
});

describe('as text', () => {
  test('comes back as it was', () => {
    const outcomes = deliveredUpTo(noted(SUCCESS, failed('u2')), 1);
    expect(parseOutcomes(JSON.stringify(outcomes))).toEqual(outcomes);
  });
  test.each([
    '',
    'null',
    '[]',
    '7',
    '{}',
    '{"results":[],"refused":[],"delivered":0}',
    '{"results":{},"refused":[],"delivered":0,"last":0}',
    '{"results":[],"refused":1,"delivered":0,"last":0}',
    '{"results":[],"refused":[],"delivered":"0","last":0}',
  ])('%j is refused', (text) => expect(() => parseOutcomes(text)).toThrow());
  test('format 1 is read for ever', () => {
    const text = readFileSync('test/golden/stores/update-outcomes-1.json', 'utf8');
    const outcomes = parseOutcomes(text);
    expect(undelivered(outcomes).map(({ id, rolledBack }) => [id, rolledBack])).toEqual([['00112233445566ff', true]]);
    expect(refusedVersion(outcomes, 'daemon', '', '1.1.0')).toMatchObject({ acknowledged: false, reason: 'no good' });
    expect(`${JSON.stringify(outcomes, null, 1)}\n`).toBe(text);
  });
});
