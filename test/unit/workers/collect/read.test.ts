import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readOptional, readRequired, readWhole } from '../../../../src/workers/collect/read.ts';
import { testFolder } from '../../../support/temp-folder.ts';

test('a file that fills the buffer is read again, whole', async () => {
  const path = join(await testFolder('read'), 'large');
  const content = Array.from({ length: 5000 }, (_, line) => `line ${line}\n`).join('');
  writeFileSync(path, content);
  expect(readWhole(path, 64).toString()).toBe(content);
  expect(readWhole(path, content.length).toString()).toBe(content);
});

test('a file of /proc that comes in several reads is whole', (context) => {
  const path = '/proc/self/maps';
  if (process.platform !== 'linux') return context.skip('there is no /proc');
  const ours = readWhole(path).toString();
  expect(ours.length).toBeGreaterThan(4096); // more than a page: one read does not give it all
  // the last mapping is the same in both; the heap's may have grown in between
  expect(ours.trimEnd().split('\n').at(-1)).toBe(readFileSync(path, 'utf8').trimEnd().split('\n').at(-1));
});

test('what is required fails by name, what is optional is null', async () => {
  const path = join(await testFolder('read'), 'absent');
  expect(() => readRequired(path)).toThrow(expect.objectContaining({ code: 'D5001', message: `cannot read ${path}` }));
  expect(readOptional(path)).toBeNull();
});

test('a file without an end is refused', (context) => {
  if (process.platform === 'win32') return context.skip('there is no /dev/zero');
  expect(() => readWhole('/dev/zero')).toThrow(RangeError);
});
