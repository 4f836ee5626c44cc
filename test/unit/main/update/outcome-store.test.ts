import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { OutcomeStore } from '../../../../src/main/update/outcome-store.ts';
import { NO_OUTCOMES, type Outcomes } from '../../../../src/main/update/outcomes.ts';
import { testFolder } from '../../../support/temp-folder.ts';

let folder: string;
let path: string;
let aside: { reason: unknown; path: string }[];

beforeEach(async () => {
  folder = join(await testFolder('outcomes'), 'updates');
  path = join(folder, 'outcomes.json');
  aside = [];
});
const open = (nowMs = 0): OutcomeStore =>
  new OutcomeStore(path, nowMs, (reason, where) => aside.push({ reason, path: where }));
const numbered = (last: number): Outcomes => ({ ...NO_OUTCOMES, last, delivered: last });

test('nothing yet: the folder is made, the file is not', () => {
  expect(open().present).toEqual(NO_OUTCOMES);
  expect(readdirSync(folder)).toEqual([]);
  expect(statSync(folder).mode & 0o777).toBe(0o750);
});

test('changes queue in order and are on disk when they settle', async () => {
  const store = open();
  await Promise.all([1, 2, 3].map((step) => store.change(({ last }) => numbered(last * 10 + step))));
  expect(store.present).toEqual(numbered(123));
  expect(open().present).toEqual(numbered(123));
  expect(readdirSync(folder)).toEqual(['outcomes.json']);
});

test('what changes nothing writes nothing', async () => {
  await open().change((outcomes) => outcomes);
  expect(readdirSync(folder)).toEqual([]);
});

test('a change that cannot be written is not there, and the next one is not held up', async () => {
  const store = open();
  rmSync(folder, { recursive: true });
  await expect(store.change(() => numbered(1))).rejects.toThrow('ENOENT');
  expect(store.present).toEqual(NO_OUTCOMES);
  mkdirSync(folder);
  await store.change(() => numbered(2));
  expect(open().present).toEqual(numbered(2));
});

test('a torn file is set aside, never overwritten', async () => {
  mkdirSync(folder);
  writeFileSync(path, '{"results": [');
  expect(open(77).present).toEqual(NO_OUTCOMES);
  expect(aside).toEqual([{ reason: expect.any(SyntaxError), path: `${path}.unreadable-77` }]);
  expect(readFileSync(`${path}.unreadable-77`, 'utf8')).toBe('{"results": [');
});

test('what a killed daemon was writing is removed', () => {
  mkdirSync(folder);
  for (const name of ['.outcomes.json.12.tmp', '.other.json.12.tmp', '.outcomes.json.x.tmp'])
    writeFileSync(join(folder, name), '');
  open();
  expect(readdirSync(folder).sort()).toEqual(['.other.json.12.tmp', '.outcomes.json.x.tmp']);
});

test('a file that is there but cannot be read is an error: it is nobody’s to set aside', () => {
  mkdirSync(path, { recursive: true });
  expect(open).toThrow('EISDIR');
});
