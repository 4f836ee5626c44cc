import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { hostContext } from '../../../../src/workers/collect/context.ts';
import { collectMemory } from '../../../../src/workers/collect/memory.ts';
import { FIXTURES, fixtureContext, task, valuesOf } from './support.ts';

test('bytes and shares', () => {
  expect(collectMemory(task('memory'), fixtureContext('memory-plain'))).toEqual({
    values: {
      total: 8_192_000_000,
      available: 6_144_000_000,
      used: 2_048_000_000,
      used_percent: 25,
      free: 1_024_000_000,
      cached: 3_584_000_000, // Cached and SReclaimable
      buffers: 204_800_000,
      swap_total: 2_048_000_000,
      swap_used: 512_000_000,
      swap_free: 1_536_000_000,
      swap_percent: 25,
    },
    state: null,
    problem: null,
  });
});

test('an old kernel, no swap: available is free, buffers and cache', () => {
  const values = valuesOf(collectMemory(task('memory'), fixtureContext('memory-old')));
  expect(values).toMatchObject({ available: 600 * 1024, used: 400 * 1024, used_percent: 40, swap_percent: 0 });
});

test('the limit of a cgroup above the own one counts', () => {
  const tree = `${FIXTURES}/memory-cgroup`;
  const context = fixtureContext('', 0, { procRoot: `${tree}/proc`, sysRoot: `${tree}/sys` });
  expect(valuesOf(collectMemory(task('memory'), context))).toMatchObject({
    cgroup_limit: 268_435_456,
    cgroup_current: 134_217_728,
  });
});

test.each(['memory-torn', 'cpu-plain/before'])('%s: no figures, an error', (tree) => {
  expect(() => collectMemory(task('memory'), fixtureContext(tree))).toThrow(expect.objectContaining({ code: 'D5001' }));
});

test('on this host: what free(1) says', (context) => {
  let lines: string[];
  try {
    lines = execFileSync('free', ['-b', '-w'], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } }).split('\n');
  } catch {
    return context.skip('there is no free(1)');
  }
  const [, total = 0, , , , buffers = 0, cache = 0, available = 0] = (lines[1] ?? '').split(/\s+/).map(Number);
  const swap = (lines[2] ?? '').split(/\s+/).map(Number);
  const values = valuesOf(collectMemory(task('memory'), hostContext()));
  expect(values['total']).toBe(total);
  expect(values['swap_total']).toBe(swap[1]);
  // read a moment apart on a machine that works
  const near = 512 * 1024 * 1024;
  expect(Math.abs(Number(values['available']) - available)).toBeLessThan(near);
  expect(Math.abs(Number(values['buffers']) - buffers)).toBeLessThan(near);
  expect(Math.abs(Number(values['cached']) - cache)).toBeLessThan(near);
});
