import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isAlive, parseStat, readBootId, readProcFile, readStat } from '../../../../src/shared/platform/proc.ts';
import { waitFor } from '../../../support/wait-until.ts';

const line = (name: string, state = 'S'): string =>
  `4711 (${name}) ${state} 1 4700 4690 0 -1 4194304 10 0 0 0 123 45 6 7 20 0 3 0 998877 5000000 321 18446744073709551615`;

test.each(['node', 'a b', 'x) S 9 9', '((', '', 'ü €'])('the name %j does not shift the fields', (name) => {
  expect(parseStat(line(name))).toEqual({
    pid: 4711,
    state: 'S',
    parentPid: 1,
    groupId: 4700,
    sessionId: 4690,
    cpuTicks: 168,
    startTicks: 998_877,
    rssPages: 321,
  });
});

test.each(['', 'nonsense', '1 (x', '1 (x) S 1 2', 'x (a) S 1 2 3'])('%j is no stat', (text) => {
  expect(parseStat(text)).toBeNull();
});

test('a zombie is listed and counts as gone', async () => {
  // sh does not wait for its child once it has become sleep
  const parent = spawn('/bin/sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
  try {
    await waitFor(() => readStat(pid)?.state === 'Z', { what: 'the zombie' });
    expect(() => process.kill(pid, 0)).not.toThrow();
    expect(isAlive(readStat(pid))).toBe(false);
    expect(isAlive(readStat(parent.pid ?? 0))).toBe(true);
  } finally {
    parent.kill('SIGKILL');
  }
});

test('files of /proc are read whole, and what is gone is null', () => {
  const mounts = readProcFile('/proc/self/mountinfo', 1 << 20) ?? '';
  expect(mounts.split('\n').length).toBe(readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length);
  expect(readProcFile('/proc/self/mountinfo', 10)).toHaveLength(10);
  expect(readProcFile('/proc/0/stat')).toBeNull();
  expect(readStat(2 ** 22 + 1)).toBeNull();
  expect(readBootId()).toMatch(/^[0-9a-f-]{36}$/);
});
