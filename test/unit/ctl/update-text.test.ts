import { describe, expect, test } from 'vitest';
import { renderBackups, renderResult, renderStatus } from '../../../src/ctl/update-text.ts';
import type { UpdateResult } from '../../../src/shared/contracts/update.ts';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const RESULT: UpdateResult = {
  ...{
    id: 'u1',
    number: 1,
    component: 'agent',
    agentId: 'one',
    success: true,
    oldVersion: '1.0.0',
    newVersion: '1.1.0',
  },
  ...{ code: '', error: '', rolledBack: false, atMs: AT },
};
const FAILED = { ...RESULT, success: false, code: 'D4003', error: 'it did not stay' };

test.each<[string, UpdateResult, string]>([
  ['done', RESULT, 'one 1.0.0 to 1.1.0: done'],
  ['of the daemon', { ...RESULT, component: 'daemon', agentId: '' }, 'daemon 1.0.0 to 1.1.0: done'],
  ['from what nobody knew', { ...RESULT, oldVersion: '' }, 'one unknown to 1.1.0: done'],
  ['failed', FAILED, 'one 1.0.0 to 1.1.0: failed: D4003 it did not stay'],
  ['rolled back', { ...FAILED, rolledBack: true }, 'one 1.0.0 to 1.1.0: rolled back to 1.0.0: D4003 it did not stay'],
  [
    'rolled back to what nobody knew',
    { ...FAILED, rolledBack: true, oldVersion: '' },
    'one unknown to 1.1.0: rolled back to what it was: D4003 it did not stay',
  ],
])('a result that is %s', (_, result, text) => expect(renderResult(result)).toBe(text));

describe('the state of all', () => {
  test('nothing', () => expect(renderStatus({ underWay: [], results: [], refused: [] })).toBe('No updates so far.'));

  test('under way, rolled back, and over', () => {
    const progress = {
      id: 'u2',
      component: 'agent',
      agentId: 'two',
      oldVersion: '',
      newVersion: '2.0.0',
      sinceMs: AT,
    } as const;
    const refused = { component: 'daemon', agentId: '', version: '3.0.0', reason: 'it crashed', atMs: AT } as const;
    const text = renderStatus({
      underWay: [
        { ...progress, phase: 'downloading', percent: 42 },
        { ...progress, component: 'daemon', agentId: '', phase: 'proving', percent: null },
      ],
      results: [RESULT],
      refused: [
        { ...refused, acknowledged: false },
        { ...refused, version: '2.9.0', acknowledged: true },
      ],
    });
    expect(text).toBe(
      [
        'Under way',
        '  two to 2.0.0: downloading 42 %',
        '  daemon to 2.0.0: proving',
        'Rolled back and not seen yet (daemonctl updates --acknowledge)',
        '  daemon 3.0.0, 2026-01-02T03:04:05Z: it crashed',
        'Last results',
        '  2026-01-02T03:04:05Z  one 1.0.0 to 1.1.0: done',
      ].join('\n'),
    );
  });

  test('of many results the last ten', () => {
    const results = Array.from({ length: 30 }, (_, at) => ({ ...RESULT, newVersion: `1.${at}.0` }));
    const lines = renderStatus({ underWay: [], results, refused: [] }).split('\n');
    expect(lines).toHaveLength(11);
    expect(lines[1]).toContain('to 1.20.0');
  });
});

describe('backups', () => {
  test('none', () => expect(renderBackups([])).toBe('No backups.'));
  test('in columns', () => {
    const text = renderBackups([
      { name: 'agent-a_20260102030405.bak', version: '1.0.0', createdMs: AT, good: true },
      { name: 'a.bak', version: '', createdMs: AT, good: false },
    ]);
    expect(text).toBe(
      [
        'agent-a_20260102030405.bak  2026-01-02T03:04:05Z  1.0.0',
        'a.bak                       2026-01-02T03:04:05Z  unknown  (was not well)',
      ].join('\n'),
    );
  });
});
