import {
  appendFileSync,
  copyFileSync,
  ftruncateSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { RotatingFile } from '../../../../src/main/logging/rotating-file.ts';
import { agentLines, daemonLines } from '../../../../src/main/on-demand.ts';
import type { LogLines } from '../../../../src/shared/contracts/control.ts';
import { compressFile } from '../../../../src/workers/pool/compress.ts';
import { moveLogHead } from '../../../../src/workers/pool/move-head.ts';
import { testFolder } from '../../../support/temp-folder.ts';

let folder: string;
let live: string;

beforeEach(async () => {
  folder = await testFolder('logs');
  mkdirSync(join(folder, 'logs'));
  live = join(folder, 'logs/web.log');
});

const last = (lines: number): Promise<LogLines> => agentLines(folder, 'web', { lines, cursor: '' });
const since = (cursor: string): Promise<LogLines> => agentLines(folder, 'web', { lines: 100, cursor });
const write = (text: string | Buffer): void => appendFileSync(live, text);
const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`);
const writeLines = (from: number, to: number): void =>
  write(
    numbered(from, to)
      .map((line) => `${line}\n`)
      .join(''),
  );

const stamp = (n: number): string => `20260101T0000${String(n).padStart(2, '0')}Z`;
const archive = (n: number): string => join(folder, `logs/web.${stamp(n)}.log`);
/** As the rotator has it done; `collapse`: where the file system can take out a head. */
function rotate(n: number, how: 'collapse' | 'truncate' = 'truncate'): void {
  const files = {
    live,
    part: `${archive(n)}.part`,
    copied: `${archive(n)}.copied`,
    archive: archive(n),
    resume: false,
  };
  const collapse = (fd: number, bytes: number): string => {
    // what the call does, by copying: the rest moves to the front, in the same file
    const rest = readFileSync(live).subarray(bytes);
    writeSync(fd, rest, 0, rest.length, 0);
    ftruncateSync(fd, rest.length);
    return '';
  };
  moveLogHead(files, { lock: () => '', collapse: how === 'collapse' ? collapse : () => 'not here' });
}
const compress = (n: number): Promise<unknown> =>
  compressFile({ from: archive(n), temporary: `${archive(n)}.gz.part`, to: `${archive(n)}.gz` });

describe('the last lines', () => {
  test.each([
    ['nothing', '', 3, []],
    ['fewer than asked for', 'a\nb\n', 3, ['a', 'b']],
    ['more than asked for', 'a\nb\nc\nd\n', 2, ['c', 'd']],
    ['a line without an end', 'a\nb', 1, ['b']],
    ['empty lines', '\n\n\n', 2, ['', '']],
    ['one line', 'a\n', 1, ['a']],
    ['exactly as many', 'a\nb\n', 2, ['a', 'b']],
  ])('%s', async (_, text, count, lines) => {
    write(text);
    expect((await last(count)).lines).toEqual(lines);
  });

  test('of a log that is not there yet, and then is', async () => {
    const { lines, cursor } = await last(3);
    expect(lines).toEqual([]);
    writeLines(1, 2);
    expect((await since(cursor)).lines).toEqual(numbered(1, 2));
  });

  test('of a large log, without reading it', async () => {
    writeLines(1, 300_000);
    truncateSync(live, 400 * 1024 * 1024); // a hole: reading all of it would take its time, and 400 MB
    write('\n');
    writeLines(1, 10_000);
    const before = process.memoryUsage().arrayBuffers;
    expect((await last(10_000)).lines).toEqual(numbered(1, 10_000));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50e6);
  });

  test('stay below 1 MiB: the newest of them', async () => {
    for (let i = 0; i < 40; i++) write(`${String(i).padEnd(60_000, '"')}\n`); // a quote is two bytes in JSON
    const { lines, more } = await last(1000);
    expect(JSON.stringify(lines).length).toBeLessThanOrEqual(1024 * 1024);
    expect(lines.length).toBeGreaterThan(7);
    expect(lines.at(-1)).toMatch(/^39"/);
    expect(more).toBe(false);
  });

  test.each(['plain', 'compressed'])('go on into the file before, which is %s', async (how) => {
    writeLines(1, 1000);
    rotate(1);
    if (how === 'compressed') await compress(1);
    writeLines(1001, 1003);
    expect((await last(5)).lines).toEqual(numbered(999, 1003));
    expect((await last(10_000)).lines).toEqual(numbered(1, 1003));
  });
});

describe('what came since', () => {
  test('whole lines only, each once', async () => {
    writeLines(1, 5);
    let { cursor } = await last(1);
    write('li');
    let more = await since(cursor);
    expect(more).toMatchObject({ lines: [], more: false });
    write('ne 6\nline 7\n');
    more = await since(more.cursor);
    expect(more.lines).toEqual(['line 6', 'line 7']);
    cursor = more.cursor;
    expect((await since(cursor)).lines).toEqual([]);
    expect((await since(cursor)).cursor).toBe(cursor);
  });

  test('in answers of less than 1 MiB, until there is no more', async () => {
    const { cursor: start } = await last(1);
    const text = numbered(1, 30).map((line) => line.padEnd(60_000, '\u0001')); // six bytes each in JSON
    write(text.map((line) => `${line}\n`).join(''));
    const found: string[] = [];
    let answers = 0;
    for (let cursor = start, more = true; more; answers++) {
      const answer = await since(cursor);
      expect(JSON.stringify(answer).length).toBeLessThanOrEqual(1024 * 1024);
      found.push(...answer.lines);
      ({ cursor, more } = answer);
    }
    expect(found).toEqual(text);
    expect(answers).toBeGreaterThan(5);
  });

  describe.each(['truncate', 'collapse'] as const)('through a rotation by %s', (how) => {
    test.each(['plain', 'compressed'])('that is %s: no line is missing, none comes twice', async (form) => {
      writeLines(1, 2000);
      const { cursor } = await last(1);
      writeLines(2001, 4000);
      rotate(1, how);
      if (form === 'compressed') await compress(1);
      writeLines(4001, 4100);
      expect((await since(cursor)).lines).toEqual(numbered(2001, 4100));
    });

    test('after each step of many', async () => {
      let { cursor } = await last(1);
      const found: string[] = [];
      const take = async (): Promise<void> => {
        const answer = await since(cursor);
        found.push(...answer.lines);
        cursor = answer.cursor;
      };
      for (let round = 1; round <= 6; round++) {
        writeLines(round * 1000, round * 1000 + 899);
        if (round % 2 === 0) await take();
        rotate(round, how);
        if (round % 3 === 0) await compress(round);
        await take();
        writeLines(round * 1000 + 900, round * 1000 + 999);
      }
      await take();
      expect(found).toEqual(numbered(1000, 6999));
    });

    test('in the middle of a line', async () => {
      writeLines(1, 1000);
      write('the first ha');
      const { cursor } = await since((await last(1)).cursor);
      writeLines(1, 1000);
      rotate(1, how);
      write('rest\n');
      const { lines } = await since(cursor);
      expect(lines.slice(0, 2)).toEqual(['line 1', 'line 2']);
      expect(lines.at(-1)).toBe('rest');
    });
  });

  test('a log that somebody emptied is read from its begin', async () => {
    writeLines(1, 100);
    const { cursor } = await last(1);
    truncateSync(live, 0);
    writeLines(1, 2);
    expect((await since(cursor)).lines).toEqual(numbered(1, 2));
  });

  test('while a rotation is between its copy and its name, waits for it', async () => {
    writeLines(1, 1000);
    const { cursor } = await last(1);
    writeLines(1001, 1010);
    copyFileSync(live, `${archive(1)}.copied`);
    truncateSync(live, 0);
    const asked = since(cursor);
    expect(await Promise.race([asked, sleep(100, 'still waiting')])).toBe('still waiting');
    renameSync(`${archive(1)}.copied`, archive(1));
    expect((await asked).lines).toEqual(numbered(1001, 1010));
  });

  test('a copy that a crash left behind is not waited for without end', async () => {
    writeLines(1, 3);
    writeFileSync(`${archive(1)}.copied`, 'x');
    expect((await last(2)).lines).toEqual(numbered(2, 3));
  });

  test.each(['nonsense', 'a:', 'a:-:1:2', 'd:1::0:0', 'a:-:99999999999999999:0', '../../etc'])(
    'no cursor: %s',
    async (cursor) => {
      writeLines(1, 3);
      await expect(since(cursor)).rejects.toMatchObject({
        code: 'invalid',
        message: expect.stringContaining('cursor'),
      });
    },
  );
});

describe('what agents write', () => {
  test('bytes that are no UTF-8 survive as replacement characters', async () => {
    write(Buffer.from([0x61, 0xff, 0xfe, 0x0a, 0xe2, 0x82, 0x0a, 0x62, 0x0a]));
    expect((await last(10)).lines).toEqual(['a\ufffd\ufffd', '\ufffd', 'b']);
  });

  test('a line is cut at 64 KiB, between two characters, and the next one is whole', async () => {
    write(`${'x'.repeat(65_535)}€tail\nnext\n`);
    expect((await last(2)).lines).toEqual(['x'.repeat(65_535), 'next']);
  });

  test('a line without an end that grows and grows is shown once', async () => {
    const start = await last(1);
    write('y'.repeat(200_000));
    const first = await since(start.cursor);
    expect(first.lines).toEqual(['y'.repeat(65_536)]);
    write('y'.repeat(5_000_000));
    const second = await since(first.cursor);
    expect(second).toMatchObject({ lines: [], more: false });
    write('\nnext\n');
    expect((await since(second.cursor)).lines).toEqual(['next']);
  });

  test('the last lines of a file that is all one line', async () => {
    write('z'.repeat(3_000_000));
    expect((await last(5)).lines).toEqual([]);
    write('\nend\n');
    expect((await last(1)).lines).toEqual(['end']);
    expect((await last(5)).lines).toEqual(['end']);
  });

  test('a link in place of a log is not followed', async () => {
    writeFileSync(join(folder, 'secret'), 'secret\n');
    symlinkSync(join(folder, 'secret'), live);
    await expect(last(1)).rejects.toThrow();
  });

  test('logs of other agents are others', async () => {
    writeLines(1, 2);
    writeFileSync(join(folder, 'logs/web-2.log'), 'other\n');
    expect((await agentLines(folder, 'web-2', { lines: 10, cursor: '' })).lines).toEqual(['other']);
    expect((await last(10)).lines).toEqual(numbered(1, 2));
  });
});

describe('the daemon’s own log', () => {
  let path: string;
  const file = (maxFiles = 5): RotatingFile => new RotatingFile({ path, maxBytes: 1000, maxFiles });
  const own = (lines: number, cursor = ''): Promise<LogLines> => daemonLines(path, { lines, cursor });
  beforeEach(() => {
    path = join(folder, 'daemon.log');
  });

  test('is followed through its rotations', async () => {
    const out = file(50);
    let { cursor } = await own(1);
    const found: string[] = [];
    for (const number of Array.from({ length: 400 }, (_, i) => i)) {
      out.write(`line ${number}\n`);
      if (number % 37 !== 0) continue;
      const answer = await own(1, cursor);
      found.push(...answer.lines);
      cursor = answer.cursor;
    }
    found.push(...(await own(1, cursor)).lines);
    expect(found).toEqual(numbered(0, 399));
    expect((await own(300)).lines).toEqual(numbered(100, 399));
    out.close();
  });

  test('a file that went meanwhile: what there is since', async () => {
    const out = file(1);
    out.write('first line\n');
    const { cursor } = await own(1);
    for (let i = 0; i < 300; i++) out.write(`line ${i}\n`);
    const { lines } = await own(1, cursor);
    expect(lines.at(-1)).toBe('line 299');
    expect(lines.length).toBeLessThan(300);
    expect(lines).toEqual(numbered(300 - lines.length, 299));
    out.close();
  });

  test('renamed by somebody else, as logrotate does', async () => {
    const out = file();
    for (let i = 0; i < 10; i++) out.write(`line ${i}\n`);
    const { cursor } = await own(1);
    out.write('line 10\n');
    renameSync(path, `${path}.1`);
    out.write('line 11\n');
    out.reopen();
    out.write('line 12\n');
    expect((await own(1, cursor)).lines).toEqual(numbered(10, 12));
    out.close();
  });

  test('removed, and another one in its place', async () => {
    writeFileSync(path, 'old one\nold two\n');
    const { cursor } = await own(1);
    rmSync(path);
    writeFileSync(path, 'new one\n'); // may well have the inode of the one before
    expect((await own(1, cursor)).lines).toEqual(['new one']);
  });

  test('a cursor of an agent’s log is none of it', async () => {
    writeFileSync(path, 'x\n');
    await expect(own(1, 'a:-:0:0')).rejects.toMatchObject({ code: 'invalid' });
  });
});
