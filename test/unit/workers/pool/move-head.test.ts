import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { MoveHeadInput } from '../../../../src/shared/contracts/pool-tasks.ts';
import { type CutTools, systemTools } from '../../../../src/workers/pool/cut-tools.ts';
import { moveLogHead } from '../../../../src/workers/pool/move-head.ts';
import { account, LogWriter, readBack } from '../../../support/log-writer.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';

const STAMP = '20260131T120000Z';
const BLOCK = 4096;

let folder: string;
let live: string;

beforeEach(async () => {
  folder = await testFolder('move-head');
  live = join(folder, 'a.log');
});

function files(over: Partial<MoveHeadInput> = {}, stamp = STAMP): MoveHeadInput {
  const archive = join(folder, `a.${stamp}.log`);
  return { live, part: `${archive}.part`, copied: `${archive}.copied`, archive, resume: false, ...over };
}

/** Lines that all differ, so that a wrong place shows. */
const lines = (from: number, count: number): string =>
  Array.from({ length: count }, (_, n) => `${String(from + n).padStart(12, '0')} ${'.'.repeat(50)}\n`).join('');
const names = (): string[] => readdirSync(folder).sort();

/** Takes the head out by writing the rest anew: what the system call does, for file systems without it. */
const rewrite: CutTools = {
  lock: () => '',
  collapse(fd, bytes) {
    const rest = readFileSync(live).subarray(bytes);
    ftruncateSync(fd, 0);
    appendFileSync(live, rest);
    return '';
  },
};
const unable: CutTools = { lock: () => '', collapse: () => 'it cannot be done here' };

function collapses(path: string): string {
  const probe = join(path, 'probe');
  writeFileSync(probe, Buffer.alloc(4 * BLOCK));
  const fd = openSync(probe, 'r+');
  try {
    return systemTools.lock(fd) || systemTools.collapse(fd, BLOCK);
  } finally {
    closeSync(fd);
    rmSync(probe);
  }
}

describe('moving the head of a log', () => {
  test('whole blocks go, the last lines stay, nothing is lost or changed', () => {
    const content = lines(0, 1000);
    writeFileSync(live, content, { mode: 0o604 });
    chmodSync(live, 0o604);
    const { blksize } = statSync(live);
    const expected = content.length - BLOCK - ((content.length - BLOCK) % blksize);
    expect(moveLogHead(files(), rewrite)).toEqual({ bytes: expected, cut: 'collapse', why: '' });
    expect(names()).toEqual([`a.${STAMP}.log`, 'a.log']);
    expect(readFileSync(files().archive, 'utf8')).toBe(content.slice(0, expected));
    expect(readFileSync(live, 'utf8')).toBe(content.slice(expected));
    expect(statSync(files().archive).mode & 0o777).toBe(0o604);
  });

  test.each([
    ['the file system cannot take the head out', 1000, unable, 'it cannot be done here'],
    ['the lock cannot be had here', 1000, { ...rewrite, lock: () => 'no flock' }, 'no flock'],
    ['the log is smaller than a block', 10, rewrite, 'the log is too small'],
  ])('otherwise all of it goes, and it is said why: %s', (_, count, tools, why) => {
    const content = lines(0, count);
    writeFileSync(live, content);
    expect(moveLogHead(files(), tools)).toEqual({ bytes: content.length, cut: 'truncate', why });
    expect(readFileSync(files().archive, 'utf8')).toBe(content);
    expect(statSync(live).size).toBe(0);
  });

  test('what comes while the head is copied is copied as well, before the log is emptied', () => {
    writeFileSync(live, lines(0, 1000));
    const late: CutTools = {
      lock: () => '',
      collapse() {
        appendFileSync(live, lines(1000, 500));
        return 'it cannot be done here';
      },
    };
    expect(moveLogHead(files(), late).cut).toBe('truncate');
    expect(readFileSync(files().archive, 'utf8')).toBe(lines(0, 1500));
    expect(statSync(live).size).toBe(0);
  });

  test('a log that was emptied by its owner while it was copied is not cut again', () => {
    writeFileSync(live, lines(0, 1000));
    const emptied: CutTools = {
      lock: () => '',
      collapse: () => expect.unreachable('the copied head is no longer there'),
    };
    const copied = files().copied;
    writeFileSync(copied, lines(0, 800));
    truncateSync(live, 0);
    appendFileSync(live, lines(2000, 10));
    expect(moveLogHead(files({ resume: true }), emptied)).toMatchObject({ cut: 'none', bytes: 800 * 64 });
    expect(readBack(folder, 'a').toString()).toBe(lines(0, 800) + lines(2000, 10));
  });
});

describe('what is there already is not touched', () => {
  test.each([
    ['a link', () => symlinkSync(join(folder, 'elsewhere'), live), 'ELOOP'],
    ['a folder', () => mkdirSync(live), 'EISDIR'],
  ])('the log is %s', (_, make, code) => {
    writeFileSync(join(folder, 'elsewhere'), lines(0, 1000));
    make();
    expect(() => moveLogHead(files(), unable)).toThrow(code);
    expect(readFileSync(join(folder, 'elsewhere'), 'utf8')).toBe(lines(0, 1000));
    expect(names()).toEqual(['a.log', 'elsewhere']);
  });

  test('a link in the place of the copy is not written through', () => {
    writeFileSync(live, lines(0, 1000));
    const elsewhere = join(folder, 'elsewhere');
    writeFileSync(elsewhere, 'kept');
    symlinkSync(elsewhere, files().part);
    expect(() => moveLogHead(files(), unable)).toThrow('EEXIST');
    expect(readFileSync(elsewhere, 'utf8')).toBe('kept');
    expect(readFileSync(live, 'utf8')).toBe(lines(0, 1000));
  });
});

describe('resumed after an interruption', () => {
  const crash = (): never => {
    throw new Error('cut short');
  };

  test.each<[string, CutTools, CutTools]>([
    ['before the head was taken out', { lock: () => '', collapse: crash }, rewrite],
    ['before the head was taken out, which is not possible any more', { lock: () => '', collapse: crash }, unable],
    [
      'after it was taken out, before the copy got its name',
      {
        lock: () => '',
        collapse(fd, bytes) {
          rewrite.collapse(fd, bytes);
          return crash();
        },
      },
      rewrite,
    ],
  ])('%s: every line is there once', (_, first, second) => {
    writeFileSync(live, lines(0, 1000));
    expect(() => moveLogHead(files(), first)).toThrow('cut short');
    expect(names()).toEqual([`a.${STAMP}.log.copied`, 'a.log']);
    appendFileSync(live, lines(1000, 300));
    moveLogHead(files({ resume: true }), second);
    expect(names()).toEqual([`a.${STAMP}.log`, 'a.log']);
    expect(readBack(folder, 'a').toString()).toBe(lines(0, 1300));
  });

  test.each<[string, string, string, string]>([
    ['a copy that ends in the middle of a block', lines(0, 1000), lines(0, 777), 'collapse'],
    ['all was copied, the log not emptied yet', lines(0, 1000), lines(0, 1000), 'collapse'],
    ['the log was emptied and has lines since', lines(1000, 50), lines(0, 1000), 'none'],
    ['the log was emptied and is longer than the copy', lines(1000, 2000), lines(0, 1000), 'none'],
    ['the log was emptied and is empty', '', lines(0, 1000), 'none'],
    ['a copy whose end is not what the log has', lines(0, 1000), lines(0, 500) + lines(700, 1), 'none'],
  ])('%s', (_, inLog, inCopy, cut) => {
    writeFileSync(live, inLog);
    writeFileSync(files().copied, inCopy);
    expect(moveLogHead(files({ resume: true }), rewrite).cut).toBe(cut);
    expect(readBack(folder, 'a').toString()).toBe(cut === 'none' ? inCopy + inLog : inLog);
  });

  test.each([
    ['gone', () => {}],
    ['a folder now', () => mkdirSync(live)],
    ['a link now', () => symlinkSync('/nowhere', live)],
  ])('the log is %s: what was copied of it is kept', (_, make) => {
    make();
    writeFileSync(files().copied, lines(0, 10));
    expect(moveLogHead(files({ resume: true }), unable)).toEqual({ bytes: 640, cut: 'none', why: '' });
    expect(readFileSync(files().archive, 'utf8')).toBe(lines(0, 10));
  });
});

describe('with the tools of this system', () => {
  test('an earlier cut that has not ended keeps a second one from beginning', async ({ skip }) => {
    writeFileSync(live, lines(0, 1000));
    const fd = openSync(live, 'r+');
    const unlockable = systemTools.lock(fd);
    if (unlockable) skip(unlockable);
    // its thread has been ended, its child goes on and holds the descriptor
    const child = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
    await once(child, 'spawn');
    closeSync(fd);
    expect(() => moveLogHead(files())).toThrow('locked');
    expect(readFileSync(live, 'utf8')).toBe(lines(0, 1000));
    child.kill('SIGKILL');
    await once(child, 'exit');
    moveLogHead(files());
    expect(readBack(folder, 'a').toString()).toBe(lines(0, 1000));
  });

  test('the head is taken out under a writer that never pauses: no line is lost or broken', async ({ skip }) => {
    const unable = collapses(folder);
    if (unable) skip(`FALLOC_FL_COLLAPSE_RANGE cannot be used in ${folder}: ${unable}`);
    const writer = new LogWriter(live, 0);
    const cuts = new Set<string>();
    let written: number;
    try {
      for (let round = 0; round < 15; round++) {
        await waitFor(() => existsSync(live) && statSync(live).size > 200_000, { what: 'more lines' });
        cuts.add(moveLogHead(files({}, `20260131T${100_000 + round}Z`)).cut);
      }
    } finally {
      written = await writer.stop();
    }
    expect([...cuts]).toEqual(['collapse']);
    expect(account(readBack(folder, 'a'), written)).toEqual({ lost: 0, longestGap: 0, broken: 0 });
    expect(written).toBeGreaterThan((15 * 100_000) / 64);
  });

  test('emptied under a writer that never pauses: only what falls between the last read and that is lost', async () => {
    const writer = new LogWriter(live, 0);
    const noCollapse: CutTools = { ...systemTools, collapse: () => 'not wanted here' };
    let written: number;
    try {
      for (let round = 0; round < 15; round++) {
        await waitFor(() => existsSync(live) && statSync(live).size > 200_000, { what: 'more lines' });
        moveLogHead(files({}, `20260131T${100_000 + round}Z`), noCollapse);
      }
    } finally {
      written = await writer.stop();
    }
    // at some 300 lines a millisecond the documented window is 3 to 6 lines each time; the rest is a busy machine's
    expect(account(readBack(folder, 'a'), written).lost).toBeLessThan(written / 20);
  });
});
