import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { handoverFiles } from '../../../../../src/main/update/handover-files.ts';
import { renderJournal } from '../../../../../src/main/update/journal-format.ts';
import { renderPidFile } from '../../../../../src/shared/platform/pid-file.ts';
import { readBootId, readStat } from '../../../../../src/shared/platform/proc.ts';
import { daemonJournal } from '../../../../fakes/daemon-journal.ts';
import { testFolder } from '../../../../support/temp-folder.ts';
import { waitFor } from '../../../../support/wait-until.ts';

const { argv } = process;
let folder: string;

beforeEach(async () => {
  folder = await testFolder();
  process.exitCode = undefined;
});
afterEach(() => {
  process.argv = argv;
  process.exitCode = undefined;
  for (const signal of ['SIGHUP', 'SIGINT'] as const) {
    for (const listener of process.listeners(signal).slice(-1)) process.off(signal, listener);
  }
  vi.restoreAllMocks();
});

/** Runs the program in this process; gives its exit code. */
async function run(...args: string[]): Promise<number> {
  process.argv = ['node', 'handover.js', ...args];
  vi.resetModules();
  await import('../../../../../src/main/update/handover/bin.ts');
  await waitFor(() => process.exitCode !== undefined, { what: 'its exit code' });
  return Number(process.exitCode);
}

const log = (): string => readFileSync(handoverFiles(folder).log, 'utf8');

test('wants the folder', async () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(await run()).toBe(2);
  expect(write).toHaveBeenCalledWith('usage: handover.js FOLDER\n');
});

test('0 with nothing to hand over; the lock is given back', async () => {
  expect(await run(folder)).toBe(0);
  expect(existsSync(handoverFiles(folder).lock)).toBe(false);
});

test('0 where the outcome has been journalled, and says what it did', async () => {
  const files = handoverFiles(folder);
  writeFileSync(
    files.journal,
    renderJournal(daemonJournal({ step: 'watching', daemon: { pid: 1, startTicks: 1, bootId: 'x' } })),
  );
  expect(await run(folder)).toBe(0);
  expect(log()).toMatch(/\[\d+\] watching\n.*\[\d+\] abandoned\n/);
  expect(JSON.parse(readFileSync(files.journal, 'utf8'))).toMatchObject({
    step: 'abandoned',
    helper: { pid: process.pid },
  });
});

test('0 where another one is at it', async () => {
  const parent = renderPidFile(process.ppid, readStat(process.ppid)?.startTicks ?? 0, readBootId());
  writeFileSync(handoverFiles(folder).lock, parent);
  expect(await run(folder)).toBe(0);
  expect(log()).toContain('another instance runs');
  expect(readFileSync(handoverFiles(folder).lock, 'utf8')).toBe(parent);
});

test.each<[string, () => void]>([
  ['the journal cannot be read', () => writeFileSync(handoverFiles(folder).journal, '{')],
  ['the lock cannot be taken', () => mkdirSync(handoverFiles(folder).lock)],
])('1 where %s: to be started again', async (_, arrange) => {
  arrange();
  expect(await run(folder)).toBe(1);
  expect(log()).not.toBe('');
});

test('a log that cannot be written ends nobody', async () => {
  mkdirSync(handoverFiles(folder).log);
  writeFileSync(
    handoverFiles(folder).journal,
    renderJournal(daemonJournal({ step: 'watching', daemon: { pid: 1, startTicks: 1, bootId: 'x' } })),
  );
  expect(await run(folder)).toBe(0);
  expect(readFileSync(join(folder, 'daemon.json'), 'utf8')).toContain('"abandoned"');
});
