import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { askDirectly, spaceValues } from '../../../../src/workers/collect/space.ts';
import { testFolder } from '../../../support/temp-folder.ts';

const space = { blockBytes: 4096n, blocks: 1000n, free: 400n, available: 300n, inodes: 50n, inodesFree: 20n };

test('used as df counts it: of what is not kept for root', () => {
  expect(spaceValues(space)).toEqual({
    total: 4_096_000,
    used: 2_457_600,
    free: 1_228_800,
    used_percent: (100 * 600) / 900,
    inodes_total: 50,
    inodes_free: 20,
  });
});

test.each<[string, Partial<typeof space>, Record<string, number>]>([
  ['full', { free: 0n, available: 0n }, { used_percent: 100, free: 0 }],
  ['more available than there is: a sign was lost', { available: 2n ** 64n - 5n }, { free: 0, used_percent: 100 }],
  ['more free than there is', { free: 2000n }, { used: 0, used_percent: 0 }],
  ['beyond 2^53 bytes', { blockBytes: 2n ** 50n }, { total: 1000 * 2 ** 50 }],
])('%s', (_, change, expected) => {
  expect(spaceValues({ ...space, ...change })).toMatchObject(expected);
});

test('no inodes are reported where there are none to count', () => {
  expect(spaceValues({ ...space, inodes: 0n, inodesFree: 0n })).not.toHaveProperty('inodes_total');
});

test('no blocks: no storage', () => {
  expect(spaceValues({ ...space, blocks: 0n })).toBeNull();
});

test('a mount point that is a file has no answer', async () => {
  const path = join(await testFolder('space'), 'file');
  writeFileSync(path, '');
  expect(askDirectly(Buffer.from(path))).toBeNull();
});

test('on this host: what df(1) says of the root', (context) => {
  let line: string;
  try {
    // one path, so that df asks no other mount of this host
    line =
      execFileSync('df', ['-B1', '--output=size,used,avail,itotal', '/'], { encoding: 'utf8' }).split('\n')[1] ?? '';
  } catch {
    return context.skip('there is no df(1) of the coreutils');
  }
  const [size, used = 0, avail = 0, inodes] = line.trim().split(/\s+/).map(Number);
  const answer = askDirectly(Buffer.from('/'));
  const values = (answer && spaceValues(answer)) ?? {};
  expect(values['total']).toBe(size);
  expect(values['inodes_total'] ?? 0).toBe(inodes);
  const near = 2 ** 30; // others write meanwhile
  expect(Math.abs((values['used'] ?? Number.NaN) - used)).toBeLessThan(near);
  expect(Math.abs((values['free'] ?? Number.NaN) - avail)).toBeLessThan(near);
});
