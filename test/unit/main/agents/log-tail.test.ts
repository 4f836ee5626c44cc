import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { logTail } from '../../../../src/main/agents/log-tail.ts';
import { testFolder } from '../../../support/temp-folder.ts';

let path: string;

beforeEach(async () => {
  path = join(await testFolder('tail'), 'agent.log');
});
function tailOf(content: string): string[] {
  writeFileSync(path, content);
  return logTail(path);
}

test('the last five lines with something in them; none where there is no file', () => {
  expect(logTail(path)).toEqual([]);
  expect(tailOf('')).toEqual([]);
  expect(tailOf('1\n2\n\n3\n4\n5\n  \n6')).toEqual(['2', '3', '4', '5', '6']);
});

test('without secrets, a key of several lines too', () => {
  const key = '-----BEGIN PRIVATE KEY-----\nMIIEv\nAgEAA\n-----END PRIVATE KEY-----';
  const content = `one\n${key}\nDB_PASSWORD=hunter2\ncannot reach postgres://app:S3cret@db/x\n`;
  expect(tailOf(content)).toEqual([
    ...['one', '[private key]', 'DB_PASSWORD=[secret]', 'cannot reach postgres://[credentials]@db/x'],
  ]);
});

test('of a large file: no line without its beginning', () => {
  expect(tailOf(`${'x'.repeat(5000)}postgres://app:S3cret@db ${'y'.repeat(4000)}\nlast\n`)).toEqual(['last']);
});

test('of one large line: nothing that may be half of a secret', () => {
  const lost = `postgres://app:${'S3cret'.repeat(10)}@db`;
  const seen = 'and more '.repeat(460);
  const [line = ''] = tailOf(`${'x'.repeat(5000)} ${lost} ${seen.slice(0, 4096 - 30)}`);
  expect(line).not.toMatch(/S3cret/);
  expect(line).toContain('and more and more');
  expect(tailOf('z'.repeat(9000))).toEqual(['z'.repeat(4096 - 1024)]);
});
