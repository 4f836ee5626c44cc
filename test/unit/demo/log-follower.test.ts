import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LogFollower } from '../../../src/demo/log-follower.ts';
import type { LogLine } from '../../../src/demo/state.ts';
import { testFolder } from '../../support/temp-folder.ts';
import { waitFor } from '../../support/wait-until.ts';

const NEVER_MS = 1e6;

async function follow(pollMs: number) {
  const path = join(await testFolder('log'), 'daemon.log');
  const lines: LogLine[] = [];
  const follower = new LogFollower(path, (line) => lines.push(line), pollMs);
  onTestFinished(() => follower.stop());
  return { path, lines, follower };
}

test('waits for the file, then for what is appended', async () => {
  const { path, lines } = await follow(5);
  await writeFile(path, '{"event":"a"}\n');
  await waitFor(() => lines.length === 1, { what: 'the first line' });
  await appendFile(path, '{"event":"b"}\n');
  await waitFor(() => lines.length === 2, { what: 'the second line' });
  expect(lines).toEqual([{ event: 'a' }, { event: 'b' }]);
});

test('a line that comes in pieces is one line, in the middle of a character too', async () => {
  const { path, lines, follower } = await follow(NEVER_MS);
  const whole = Buffer.from('{"event":"ä"}\n{"event":"b"}\n');
  const middle = whole.indexOf(0xa4);
  await writeFile(path, whole.subarray(0, middle));
  follower.read();
  expect(lines).toEqual([]);
  await appendFile(path, whole.subarray(middle));
  follower.read();
  expect(lines).toEqual([{ event: 'ä' }, { event: 'b' }]);
});

test('what is no JSON object is left out', async () => {
  const { path, lines, follower } = await follow(NEVER_MS);
  await writeFile(path, 'plain\n[1]\nnull\n{"event":"a"}\n{"event":\n');
  follower.read();
  expect(lines).toEqual([{ event: 'a' }]);
});

test('a rotated file is read from its beginning', async () => {
  const { path, lines, follower } = await follow(NEVER_MS);
  await writeFile(path, '{"event":"long one"}\n');
  follower.read();
  await writeFile(path, '{"event":"b"}\n');
  follower.read();
  expect(lines).toEqual([{ event: 'long one' }, { event: 'b' }]);
});
