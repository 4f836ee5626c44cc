import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { History, type HistoryOptions } from '../../../../src/main/history/history.ts';
import { readStoredEvents } from '../../../../src/main/history/stored-events.ts';
import type { HostEvent } from '../../../../src/shared/contracts/host-event.ts';
import { scrub } from '../../../../src/shared/secrets/rules.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { testFolder } from '../../../support/temp-folder.ts';

let folder: string;
let log: FakeLog;
let reads: number;

beforeEach(async () => {
  folder = join(await testFolder('history'), 'history');
  log = new FakeLog();
  reads = 0;
});

function history(over: Partial<HistoryOptions> = {}): History {
  const made = new History({
    folder,
    bootId: 'boot-1',
    wallMs: () => 1000.4,
    scrub: (text) => text.replaceAll('hunter2', '[secret]'),
    readStored: (from) => {
      reads++;
      return readStoredEvents(from);
    },
    log,
    ...over,
  });
  onTestFinished(() => made.close());
  return made;
}

const event = (over: Partial<HostEvent> = {}): HostEvent => ({
  kind: 'agent-started',
  agentId: 'a',
  message: 'was started',
  details: { pid: '7' },
  lastLines: [],
  ...over,
});
function fill(of: History, count: number): void {
  for (let i = 0; i < count; i++) of.record(event());
}
async function numbers(of: History, after = 0, limit = 1000): Promise<number[]> {
  return (await of.read({ after, limit, waitMs: 0 })).events.map(({ number }) => number);
}
const upTo = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const present = (): string => join(folder, 'events.jsonl');
const lines = (name: string): number => readFileSync(join(folder, name), 'utf8').split('\n').length - 1;

describe('an event', () => {
  test('is what was told, with its number and time', async () => {
    const made = history();
    made.record(event({ kind: 'agent-exited', lastLines: ['one', 'two'] }));
    const { events, newest } = await made.read({ after: 0, limit: 10, waitMs: 0 });
    const details = { pid: '7', last_lines: 'one\ntwo' };
    expect(events).toEqual([
      { number: 1, atMs: 1000, kind: 'agent-exited', agentId: 'a', message: 'was started', details },
    ]);
    expect(newest).toBe(1);
    expect(JSON.parse(readFileSync(present(), 'utf8'))).toEqual(events[0]);
  });

  test('stays within bounds, and has no secret', async () => {
    const made = history();
    const many = Object.fromEntries(upTo(1, 50).map((i) => [`n${i}`, 'x'.repeat(1000)]));
    made.record(
      event({ message: `hunter2 ${'😀'.repeat(5000)}`, details: many, lastLines: ['y'.repeat(9000), 'hunter2'] }),
    );
    const [first] = (await made.read({ after: 0, limit: 1, waitMs: 0 })).events;
    expect(first?.message).toMatch(/^\[secret\] (😀)+$/u);
    expect(first?.message.length).toBeLessThan(520);
    expect(Object.keys(first?.details ?? {})).toHaveLength(21);
    expect(first?.details['last_lines']).toMatch(/\n\[secret\]$/);
    expect(Buffer.byteLength(JSON.stringify(first))).toBeLessThan(10_000);
  });
});

describe('secrets are taken out before texts are cut', () => {
  async function recordedOf(over: Partial<HostEvent>): Promise<{ text: string; tookMs: number }> {
    const made = history({ scrub });
    const started = performance.now();
    made.record(event(over));
    const tookMs = performance.now() - started;
    const { events } = await made.read({ after: 0, limit: 1, waitMs: 0 });
    expect(events).toHaveLength(1);
    return { text: JSON.stringify(events), tookMs };
  }
  const url = 'postgres://app:S3cretPassword@db/x';

  test.each([
    ['a message', 500, (text: string) => ({ message: text })],
    ['a detail', 300, (text: string) => ({ details: { reason: text } })],
    ['a last line', 300, (text: string) => ({ lastLines: [text] })],
  ])('%s, wherever its end falls', async (_, length, over) => {
    for (let cutAt = 11; cutAt < url.length; cutAt++) {
      const { text } = await recordedOf(over(`${'x'.repeat(length - cutAt - 1)} ${url}`));
      expect(text).not.toContain('S3c');
    }
  });

  test.each([16 * 1024 - 20, 16 * 1024 - 500])('where nearly all before it was taken out: %i', async (before) => {
    const key = `-----BEGIN PRIVATE KEY-----${'A'.repeat(before - 53)}-----END PRIVATE KEY-----`;
    const { text } = await recordedOf({ message: `${key} ${url.repeat(100)}` });
    expect(text).not.toContain('S3c');
  });

  test('a hostile megabyte takes no time', async () => {
    for (const unit of ['"password', 'token=\\"', '://', '\\', '-eyJabcdef']) {
      const hostile = unit.repeat(1_000_000 / unit.length);
      const { tookMs } = await recordedOf({ message: hostile, details: { a: hostile }, lastLines: [hostile, hostile] });
      expect(tookMs).toBeLessThan(500);
    }
  });
});

describe('over restarts', () => {
  test('numbers go on, after a kill -9 too', async () => {
    fill(history(), 3); // never closed
    const next = history();
    fill(next, 2);
    expect(await numbers(next)).toEqual([1, 2, 3, 4, 5]);
    expect(await numbers(next, 3)).toEqual([4, 5]);
  });

  test.each([
    ['in the middle of a line', (whole: string) => whole.slice(0, -5), [1, 2, 3]],
    ['just before its end', (whole: string) => whole.slice(0, -1), [1, 2, 3]],
    ['right after its end', (whole: string) => whole, [1, 2, 3, 4]],
  ])('what was cut short %s is cut off', async (_, cut, left) => {
    fill(history(), 4);
    truncateSync(present(), cut(readFileSync(present(), 'utf8')).length);
    const next = history();
    next.record(event());
    expect(await numbers(next)).toEqual([...left, left.length + 1]);
    expect(() =>
      readFileSync(present(), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).not.toThrow();
  });

  test.each([
    ['noise', Buffer.from([0, 255, 10, 123, 10])],
    ['other JSON', '7\nnull\n[]\n{"number":0}\n{"number":9,"kind":"x"}\n'],
  ])('%s in the file is passed over', async (_, noise) => {
    fill(history(), 2);
    appendFileSync(present(), noise);
    const next = history();
    fill(next, 1);
    expect(await numbers(next)).toEqual([1, 2, 3]);
  });

  test('an empty file, and one that is all noise: begun anew', async () => {
    mkdirSync(folder);
    for (const content of ['', 'no line']) {
      writeFileSync(present(), content);
      const made = history();
      made.record(event());
      expect(await numbers(made)).toEqual([1]);
    }
  });
});

describe('two files', () => {
  test('are switched, so that the newest are kept and the oldest go', async () => {
    const made = history({ linesPerFile: 200 });
    fill(made, 200);
    expect(existsSync(join(folder, 'events.old.jsonl'))).toBe(false);
    fill(made, 250);
    expect([lines('events.old.jsonl'), lines('events.jsonl')]).toEqual([200, 50]);
    expect(await numbers(made)).toEqual(upTo(201, 450));
    expect(await numbers(made, 0, 3)).toEqual([201, 202, 203]);
    expect(await numbers(made, 300)).toEqual(upTo(301, 450));
  });

  test('the one that is written to is full at the start already', async () => {
    fill(history({ linesPerFile: 3 }), 3);
    const next = history({ linesPerFile: 3 });
    fill(next, 1);
    expect(await numbers(next)).toEqual([1, 2, 3, 4]);
    expect(lines('events.jsonl')).toBe(1);
  });

  test('killed between the switch and the next line: numbers go on', async () => {
    fill(history(), 3);
    renameSync(present(), join(folder, 'events.old.jsonl'));
    const next = history();
    fill(next, 1);
    expect(await numbers(next)).toEqual([1, 2, 3, 4]);
  });

  test('only what is not in memory any more is read from disk', async () => {
    const made = history();
    fill(made, 150);
    expect(await numbers(made, 50)).toEqual(upTo(51, 150));
    expect(reads).toBe(0);
    expect(await numbers(made, 49)).toEqual(upTo(50, 150));
    expect(reads).toBe(1);
  });
});

describe('a disk that cannot be written', () => {
  test('is told once; the last hundred stay in memory, and are written when it can be', async () => {
    writeFileSync(folder, ''); // a file where the folder should be
    const made = history();
    fill(made, 130);
    expect(log.events('history-disk-failed')).toHaveLength(1);
    expect(await numbers(made)).toEqual(upTo(31, 130));
    rmSync(folder);
    made.record(event());
    expect(log.events('history-disk-works')).toHaveLength(1);
    expect(await numbers(history(), 0)).toEqual(upTo(32, 131));
  });

  test('that fills up: no half line is left, and all goes on once there is room', async (context) => {
    const disk = await testFolder('history-disk');
    const mount = (...args: string[]): boolean => spawnSync('mount', args, { stdio: 'ignore' }).status === 0;
    if (!mount('-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk)) return context.skip();
    onTestFinished(() => void spawnSync('umount', ['-l', disk], { stdio: 'ignore' }));
    folder = join(disk, 'history');
    const made = history();
    for (let i = 0; i < 400; i++) made.record(event({ message: 'x'.repeat(400) }));
    expect(log.events('history-disk-failed')).toHaveLength(1);
    expect(readFileSync(present(), 'utf8')).toMatch(/\}\n$/);
    const onDisk = lines('events.jsonl');
    expect(onDisk).toBeGreaterThan(50);
    expect(await numbers(made)).toEqual([...upTo(1, onDisk), ...upTo(301, 400)]);
    mount('-o', 'remount,size=1m', disk);
    made.record(event());
    expect(log.events('history-disk-works')).toHaveLength(1);
    expect(await numbers(history())).toEqual([...upTo(1, onDisk), ...upTo(302, 401)]);
  });

  test('one that could not be read at the start is gone on with once it can be, and loses nothing', async () => {
    const before = history();
    fill(before, 5);
    before.close();
    const [path, aside] = [join(folder, 'events.jsonl'), join(folder, 'aside')];
    renameSync(path, aside);
    mkdirSync(path);
    const made = history();
    made.record(event({ agentId: 'b' }));
    expect(await numbers(made)).toEqual([1]);
    rmSync(path, { recursive: true });
    renameSync(aside, path);
    made.record(event({ agentId: 'c' }));
    const { events, newest } = await made.read({ after: 0, limit: 1000, waitMs: 0 });
    expect(newest).toBe(7);
    expect(events.map(({ number, agentId }) => `${number} ${agentId}`)).toEqual([
      ...['1 a', '2 a', '3 a', '4 a', '5 a', '6 b', '7 c'],
    ]);
    expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(7);
    expect(log.lines.map(({ event: what }) => what)).toEqual(['history-disk-failed', 'history-disk-works']);
  });

  test('a file that somebody removed or emptied meanwhile begins anew', async () => {
    const made = history({ linesPerFile: 3 });
    fill(made, 3);
    rmSync(folder, { recursive: true });
    fill(made, 1);
    expect(await numbers(history())).toEqual([4]);
  });
});

describe('how the daemon before ended', () => {
  const stop: HostEvent = event({ kind: 'daemon-stopping', agentId: '', message: 'SIGTERM', details: {} });
  async function told(bootId = 'boot-1'): Promise<string | undefined> {
    const made = history({ bootId });
    made.started('1.2.3', 42);
    return (await made.read({ after: made.newest - 1, limit: 1, waitMs: 0 })).events[0]?.details['before'];
  }

  test('is told with the start of the next one', async () => {
    expect(await told()).toBe('first-start');
    expect(await told()).toBe('unexpectedly');
    expect(await told('boot-2')).toBe('with-the-host');
    const made = history();
    made.record(stop);
    fill(made, 3); // what happened while it ended
    expect(await told()).toBe('as-asked');
  });

  test('is found behind many other events, in the older file too', async () => {
    expect(await told()).toBe('first-start');
    fill(history({ linesPerFile: 10 }), 15);
    expect(await told()).toBe('unexpectedly');
  });

  test('is not taken from what an agent wrote', async () => {
    history().record(stop);
    history().record(event({ message: '{"kind":"daemon-started"}', details: { kind: 'daemon-started' } }));
    expect(await told()).toBe('as-asked');
  });
});

describe('waiting', () => {
  const wait = (of: History, signal?: AbortSignal) =>
    of.read({ after: of.newest, limit: 10, waitMs: 30_000, ...(signal ? { signal } : {}) });

  test('ends with the next event', async () => {
    const made = history();
    fill(made, 2);
    const [one, another] = [wait(made), wait(made)];
    made.record(event({ agentId: 'b' }));
    expect((await one).events).toMatchObject([{ number: 3, agentId: 'b' }]);
    expect((await another).newest).toBe(3);
  });

  test('ends when the time is up, when whoever asked has gone, when the daemon ends', async () => {
    const made = history();
    expect(await made.read({ after: 0, limit: 10, waitMs: 5 })).toEqual({ events: [], newest: 0 });
    const gone = new AbortController();
    const [left, ended] = [wait(made, gone.signal), wait(made)];
    gone.abort();
    expect((await left).events).toEqual([]);
    expect((await wait(made, gone.signal)).events).toEqual([]);
    made.close();
    expect((await ended).events).toEqual([]);
    expect((await wait(made)).events).toEqual([]);
  });

  test('a number that is still to come is waited for, and told what the newest is', async () => {
    const made = history();
    fill(made, 2);
    expect(await made.read({ after: 1000, limit: 10, waitMs: 0 })).toEqual({ events: [], newest: 2 });
  });
});
