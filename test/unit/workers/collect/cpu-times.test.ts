import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { advanceCpus, CPU_FIELDS, cpuShares, parseStatTimes } from '../../../../src/workers/collect/cpu-times.ts';
import { FIXTURES } from './support.ts';

test('a torn line is left out', () => {
  const { all, each } = parseStatTimes(readFileSync(`${FIXTURES}/cpu-sum-only/torn-stat`, 'utf8'));
  expect(Object.keys(each)).toEqual(['cpu0']);
  expect(all?.idle).toBe(80);
});

test('an old kernel with four columns is read, what it does not count is zero', () => {
  const { each } = parseStatTimes('cpu0 1 2 3 4\n');
  expect(each['cpu0']).toEqual({
    user: 1,
    nice: 2,
    system: 3,
    idle: 4,
    iowait: 0,
    irq: 0,
    softirq: 0,
    steal: 0,
    guest: 0,
  });
});

test('guest never makes user negative', () => {
  const { each } = parseStatTimes('cpu0 5 1 3 4 0 0 0 0 7 2\n');
  expect(each['cpu0']).toMatchObject({ user: 0, nice: 0, guest: 6 });
});

test.each<[string, number, number]>([
  ['300 ticks are jitter', 300, 0],
  ['301 are a new beginning', 301, 0],
])('%s: other fields', (_, drop) => {
  const at = (idle: number, user: number) => ({ ...parseStatTimes(`cpu0 ${user} 0 0 ${idle}\n`).each });
  const { delta } = advanceCpus(at(1000, 0), at(1000 - drop, 50));
  expect(delta.idle).toBe(0);
  expect(delta.user).toBe(drop > 300 ? 0 : 50);
});

test('shares add up to 100', () => {
  const before = parseStatTimes('cpu0 100 20 30 400 50 6 7 8 90 10\n').each;
  const after = parseStatTimes('cpu0 217 33 71 899 113 19 24 31 101 17\n').each;
  const shares = cpuShares(advanceCpus(before, after).delta);
  expect(CPU_FIELDS.reduce((sum, field) => sum + (shares[`${field}_percent`] ?? Number.NaN), 0)).toBeCloseTo(100, 9);
});
