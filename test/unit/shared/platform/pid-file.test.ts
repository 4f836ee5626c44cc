import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AlreadyRunningError, isHeld, renderPidFile, takePidFile } from '../../../../src/shared/platform/pid-file.ts';
import { readBootId, readStat } from '../../../../src/shared/platform/proc.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pid-'));
  path = join(folder, 'run/daemon.pid');
});
afterEach(() => rmSync(folder, { recursive: true }));

const ownTicks = (): number => readStat(process.pid)?.startTicks ?? 0;

describe('takePidFile', () => {
  test('names this process, is held, and goes when given back', () => {
    const release = takePidFile(path);
    expect(readFileSync(path, 'utf8').split('\n')[0]).toBe(String(process.pid));
    expect(() => takePidFile(path)).toThrow(AlreadyRunningError);
    expect(() => takePidFile(path)).toThrow(`pid ${process.pid}`);
    expect(readdirSync(join(folder, 'run'))).toEqual(['daemon.pid']);
    release();
    expect(existsSync(path)).toBe(false);
  });

  test.each([
    ['a process that has gone', async () => renderPidFile(await endedPid(), 5, readBootId())],
    ['another process under the same pid', () => renderPidFile(process.pid, ownTicks() - 1, readBootId())],
    ['another boot', () => renderPidFile(process.pid, ownTicks(), 'other')],
    ['nothing', () => ''],
    ['garbage', () => 'x\ny z\n'],
  ])('replaces a file that names %s', async (_, text) => {
    takePidFile(path)();
    writeFileSync(path, await text());
    const release = takePidFile(path);
    expect(readFileSync(path, 'utf8')).toBe(renderPidFile(process.pid, ownTicks(), readBootId()));
    release();
  });

  test('gives back only its own file', () => {
    const release = takePidFile(path);
    writeFileSync(path, 'another\n');
    release();
    expect(readFileSync(path, 'utf8')).toBe('another\n');
  });
});

test('a file of the plain kind counts by its pid alone', () => {
  expect(isHeld(`${process.pid}\n`)).toBe(true);
  expect(isHeld('0\n')).toBe(false);
});

async function endedPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => child.once('exit', resolve));
  return child.pid ?? 0;
}
