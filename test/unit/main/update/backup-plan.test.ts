import { describe, expect, test } from 'vitest';
import {
  backupName,
  backupNames,
  componentName,
  superfluous,
  unfinishedBackups,
} from '../../../../src/main/update/backup-plan.ts';

test.each([
  ['daemon', '', 'daemon'],
  ['agent', 'one', 'agent-one'],
  ['agent', 'daemon', 'agent-daemon'],
] as const)('%s %s is %s', (component, agentId, name) => expect(componentName(component, agentId)).toBe(name));

const ENTRIES = [
  'agent-one_20250102030406.bak',
  'agent-one_20250102030405.bak',
  'agent-one_20250102030405.json',
  'agent-one_2_20250102030405.bak',
  'agent-one_20250102030405.bak.old',
  'agent-one_2025010203040.bak',
  'daemon_20250102030405.bak',
  'README',
];

test.each([
  ['agent-one', ['agent-one_20250102030405', 'agent-one_20250102030406']],
  ['agent-one_2', ['agent-one_2_20250102030405']],
  ['daemon', ['daemon_20250102030405']],
  ['agent-on', []],
])('backups of %s, oldest first', (component, names) => expect(backupNames(ENTRIES, component)).toEqual(names));

describe('a name', () => {
  const at = Date.UTC(2025, 0, 2, 3, 4, 59);
  test('is of the second in UTC', () => expect(backupName('daemon', at, [])).toBe('daemon_20250102030459'));
  test('that is taken gives way to the next second', () => {
    const taken = ['daemon_20250102030459', 'daemon_20250102030500'];
    expect(backupName('daemon', at, taken)).toBe('daemon_20250102030501');
  });
});

describe('what may go', () => {
  test.each<[string, number, string]>([
    ['gggg', 2, '01'],
    ['bbbb', 2, '01'],
    ['gbbb', 2, '1'],
    ['gbgb', 2, '01'],
    ['ggbb', 2, '0'],
    ['gbbb', 1, '12'],
    ['gg', 5, ''],
    ['', 1, ''],
  ])('of %s (good, bad), %i kept: %j', (backups, keep, gone) => {
    const all = [...backups].map((kind, at) => ({ at, good: kind === 'g' }));
    expect(
      superfluous(all, keep)
        .map(({ at }) => at)
        .join(''),
    ).toBe(gone);
  });
});

test('halves of backups, and what was being written', () => {
  const whole = ['agent-a_20250102030405.bak', 'agent-a_20250102030405.json'];
  const half = [
    'agent-a_20250102030406.bak',
    'agent-a_20250102030407.json',
    '.agent-a_20250102030408.bak.part-77',
    '.agent-a_20250102030409.json.77.tmp',
  ];
  const others = [
    'agent-a_b_20250102030406.bak',
    '.agent-b_20250102030408.bak.part-77',
    'agent-a_20250102030406.bak.x',
    'agent-a.json',
  ];
  expect(unfinishedBackups([...whole, ...half, ...others], 'agent-a')).toEqual(half);
});
