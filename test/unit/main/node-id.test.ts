import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nodeId } from '../../../src/main/node-id.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'node-id-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('the configured id is used as it is and nothing is written', async () => {
  expect(await nodeId('web-1', folder)).toBe('web-1');
  expect(readdirSync(folder)).toEqual([]);
});

test('otherwise a UUID is made once and kept', async () => {
  const made = await nodeId('', folder);
  expect(made).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(await nodeId('', folder)).toBe(made);
  expect(readFileSync(join(folder, 'node-id'), 'utf8')).toBe(`${made}\n`);
});

test('an empty file, left by a crash, is replaced; one with something else in it is not', async () => {
  const path = join(folder, 'node-id');
  writeFileSync(path, '\n');
  expect(await nodeId('', folder)).toHaveLength(36);
  writeFileSync(path, 'web-1\n');
  await expect(nodeId('', folder)).rejects.toThrow(/does not hold a UUID/);
  expect(readFileSync(path, 'utf8')).toBe('web-1\n');
});

test('a file that cannot be read is an error, never a new identity', async () => {
  mkdirSync(join(folder, 'node-id'));
  await expect(nodeId('', folder)).rejects.toMatchObject({ code: 'EISDIR' });
});
