import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  daemonsOf,
  isRunning,
  LastResort,
  livingDaemon,
  restartService,
  type ServiceOptions,
} from '../../../../../src/main/update/handover/service.ts';
import { HALT_VARIABLE } from '../../../../../src/main/update/journal.ts';
import type { ProcessName } from '../../../../../src/main/update/journal-format.ts';
import { renderPidFile } from '../../../../../src/shared/platform/pid-file.ts';
import { readBootId, readStat } from '../../../../../src/shared/platform/proc.ts';
import { daemonJournal } from '../../../../fakes/daemon-journal.ts';
import { expectNoProcessWith, killProcessesWith } from '../../../../support/processes.ts';
import { testFolder } from '../../../../support/temp-folder.ts';
import { waitFor } from '../../../../support/wait-until.ts';

let folder: string;
let said: string[];
let options: ServiceOptions;
const path = process.env['PATH'];

beforeEach(async () => {
  folder = await testFolder('service');
  said = [];
  const nowMs = (): number => performance.now();
  options = { nowMs, wait: (ms) => sleep(ms), say: (text) => said.push(text), logFile: join(folder, 'log') };
});
afterEach(async () => {
  process.env['PATH'] = path;
  delete process.env[HALT_VARIABLE];
  killProcessesWith(folder);
  await expectNoProcessWith(folder);
});

const named = (pid: number): ProcessName => ({
  pid,
  startTicks: readStat(pid)?.startTicks ?? 0,
  bootId: readBootId(),
});

/** A process that runs until it is ended; `how`: what it does with SIGTERM. */
async function running(how = ''): Promise<ChildProcess> {
  const code = `process.title; ${how}; console.log('up'); setInterval(() => {}, 1000); '${folder}'`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  return child;
}

/** A /proc with one process in it. */
function fakeProc(pid: number, { startTicks = 5, boot = 'boot', state = 'S', words = [] as string[] } = {}): string {
  const root = join(folder, 'proc');
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  };
  const fields = [state, 1, pid, pid, ...Array(15).fill(0), startTicks, 0, 0];
  write(`${pid}/stat`, `${pid} (node) ${fields.join(' ')}\n`);
  write(`${pid}/cmdline`, `${words.join('\0')}\0`);
  write('sys/kernel/random/boot_id', `${boot}\n`);
  write('self/stat', 'no process');
  return root;
}

describe('a process runs', () => {
  const name = { pid: 7, startTicks: 5, bootId: 'boot' };
  test.each<[string, object, ProcessName, boolean]>([
    ['which it is', {}, name, true],
    ['which was noted without a boot', {}, { ...name, bootId: '' }, true],
    ['not: the pid is that of another now', { startTicks: 6 }, name, false],
    ['not: it is of another boot, at the same time', { boot: 'next' }, name, false],
    ['not: it is a zombie', { state: 'Z' }, name, false],
    ['not: it has gone', {}, { ...name, pid: 8 }, false],
  ])('%s', (_, there, process, expected) => {
    expect(isRunning(process, fakeProc(7, there))).toBe(expected);
  });
});

describe('the daemon that lives', () => {
  const words = ['node', '/opt/daemon/releases/1.1.0/lib/daemon.js', '--config', '/etc/daemon.yaml'];
  const pidFile = (text: string): string => {
    writeFileSync(join(folder, 'daemon.pid'), text);
    return join(folder, 'daemon.pid');
  };

  test('is the one of the pid file', () => {
    const root = fakeProc(7);
    const journal = daemonJournal({ pidFile: pidFile(renderPidFile(7, 5, 'boot')) });
    expect(livingDaemon(journal, root)).toEqual({ pid: 7, startTicks: 5, bootId: 'boot' });
  });

  test('is found by a pid file with nothing but a pid', () => {
    expect(livingDaemon(daemonJournal({ pidFile: pidFile('7\n') }), fakeProc(7))).toEqual({
      pid: 7,
      startTicks: 5,
      bootId: 'boot',
    });
  });

  test.each([
    ['has not written its pid file', null],
    ['finds the pid file of one that has gone', renderPidFile(6, 5, 'boot')],
    ['finds a pid file whose pid is another’s now', renderPidFile(7, 4, 'boot')],
  ])('is found by what it runs where it %s', (_, text) => {
    const file = text === null ? join(folder, 'none') : pidFile(text);
    expect(livingDaemon(daemonJournal({ pidFile: file }), fakeProc(7, { words }))?.pid).toBe(7);
  });

  test.each([
    ['another release', words.map((word) => word.replace('1.1.0', '0.9.0'))],
    ['another configuration', words.map((word) => word.replace('etc', 'opt'))],
    ['something else', ['sh']],
  ])('is none where all that runs is %s', (_, others) => {
    const journal = daemonJournal({ pidFile: join(folder, 'none') });
    expect(livingDaemon(journal, fakeProc(7, { words: others }))).toBeNull();
    expect(livingDaemon(daemonJournal({ pidFile: join(folder, 'none'), command: [] }), fakeProc(7))).toBeNull();
  });

  test('is none where it is a zombie', () => {
    expect(daemonsOf(words[1] ?? '', words[3] ?? '', fakeProc(7, { words, state: 'Z' }))).toEqual([]);
  });

  test('a pid file that cannot be read is thrown', () => {
    expect(() => livingDaemon(daemonJournal({ pidFile: folder }))).toThrow('EISDIR');
  });
});

describe('a restart by signal', () => {
  const journal = daemonJournal({ service: { kind: 'signal', supervised: true } });

  test('ends the daemon, in its own time', async () => {
    const child = await running(`process.on('SIGTERM', () => setTimeout(() => process.exit(7), 300))`);
    const ended = once(child, 'exit');
    await restartService(journal, { ...options, daemon: named(child.pid ?? 0), graceful: true });
    expect(await ended).toEqual([7, null]);
  });

  test('ends one that was stopped', async () => {
    const child = await running();
    child.kill('SIGSTOP');
    const ended = once(child, 'exit');
    await restartService(journal, { ...options, daemon: named(child.pid ?? 0), graceful: true });
    expect(await ended).toEqual([null, 'SIGTERM']);
  });

  test('kills one that does not end', async () => {
    const child = await running(`process.on('SIGTERM', () => {})`);
    const ended = once(child, 'exit');
    let nowMs = 0; // each look takes seconds
    const wait = async (ms: number): Promise<void> => {
      nowMs += 5000;
      await sleep(ms);
    };
    const restart = { ...options, wait, nowMs: () => nowMs, daemon: named(child.pid ?? 0), graceful: false };
    await restartService(journal, restart);
    expect(await ended).toEqual([null, 'SIGKILL']);
    expect(said.at(-1)).toContain('did not end: killing it');
  });

  test('leaves a process alone that has the pid now', async () => {
    const child = await running();
    const { pid = 0 } = child;
    await restartService(journal, { ...options, daemon: { ...named(pid), startTicks: 1 }, graceful: true });
    expect(readStat(pid)?.state).not.toBe('Z');
    expect(child.exitCode ?? child.signalCode).toBeNull();
  });

  test('has nothing to do where none lives', async () => {
    await restartService(journal, { ...options, daemon: null, graceful: true });
    expect(said).toEqual([]);
  });
});

describe('a restart by systemd', () => {
  /** A systemctl that writes its arguments down; ends with 1 where they fit the pattern. */
  function fake(failing: string): void {
    const file = join(folder, 'bin/systemctl');
    mkdirSync(dirname(file));
    writeFileSync(file, `#!/bin/sh\necho "$@" >>'${folder}/asked'\ncase "$*" in ${failing}) exit 1;; esac\n`);
    chmodSync(file, 0o755);
    process.env['PATH'] = `${dirname(file)}:${path}`;
  }
  const asked = (): string[] => readFileSync(join(folder, 'asked'), 'utf8').split('\n').slice(0, -1);

  test.each([
    [false, ''],
    [true, '--user '],
  ])(
    "is ordered and not waited for, user's manager %s; a start limit that was reached does not count",
    async (user, flag) => {
      fake('*reset-failed*');
      const journal = daemonJournal({ service: { kind: 'systemd', unit: 'd.service', user } });
      await restartService(journal, { ...options, daemon: null, graceful: true });
      expect(asked()).toEqual([`${flag}reset-failed d.service`, `${flag}restart --no-block d.service`]);
    },
  );

  test('is an error where it is refused', async () => {
    fake('*restart*');
    const journal = daemonJournal({ service: { kind: 'systemd', unit: 'd.service', user: false } });
    await expect(restartService(journal, { ...options, daemon: null, graceful: true })).rejects.toThrow();
  });
});

describe('the last resort', () => {
  const alone = { kind: 'signal', supervised: false } as const;
  let nowMs = 0;
  const resort = (service: ReturnType<typeof daemonJournal>['service'], command: string[]): LastResort =>
    new LastResort({ service, command }, { ...options, nowMs: () => nowMs });
  const started = (): number => said.filter((text) => text.startsWith('nobody started')).length;
  /** Writes its environment down, and runs until there is a file `end`. */
  const program = (): string[] => {
    const code = `require('node:fs').appendFileSync('${folder}/env', (process.env['${HALT_VARIABLE}'] ?? 'none') + '\\n');
      setInterval(() => require('node:fs').existsSync('${folder}/end') && process.exit(), 10);`;
    return [process.execPath, '-e', code];
  };
  beforeEach(() => {
    nowMs = 1000;
  });

  test('starts the daemon where nobody does, once, while what was started is there', async () => {
    process.env[HALT_VARIABLE] = 'daemon:proving';
    const last = resort(alone, program());
    last.look(null);
    expect(started()).toBe(0);
    nowMs += 500;
    last.look(null);
    expect(started()).toBe(1);
    const said = await waitFor(() => readFileSync(join(folder, 'env'), 'utf8'), {
      ...{ what: 'what the daemon says', timeoutMs: 20_000 },
    });
    expect(said).toBe('none\n'); // a test's halt is not the daemon's
    nowMs += 5000;
    last.look(null); // alive, though not seen as a daemon yet
    expect(started()).toBe(1);
    writeFileSync(join(folder, 'end'), '');
    const again = (): boolean => {
      nowMs += 500;
      last.look(null);
      return started() === 2;
    };
    await waitFor(again, { what: 'a second start', timeoutMs: 20_000 });
  });

  test('waits for a supervisor', () => {
    const last = resort({ kind: 'signal', supervised: true }, [process.execPath, '-e', '']);
    nowMs += 19_000;
    last.look(null);
    last.look({ pid: 1, startTicks: 1, bootId: '' });
    nowMs += 19_000;
    last.look(null);
    expect(started()).toBe(0);
    nowMs += 1000;
    last.look(null);
    expect(started()).toBe(1);
  });

  test('leaves it to systemd', () => {
    const last = resort({ kind: 'systemd', unit: 'd.service', user: false }, program());
    nowMs += 100_000;
    last.look(null);
    expect(started()).toBe(0);
  });

  test('says what could not be started, and tries again', async () => {
    const last = resort(alone, [join(folder, 'none')]);
    nowMs += 500;
    last.look(null);
    await waitFor(() => said.some((text) => text.includes('could not be started')), { what: 'what is said' });
    nowMs += 500;
    last.look(null);
    expect(started()).toBe(2);
    await waitFor(() => said.filter((text) => text.includes('could not be')).length === 2, { what: 'the second' });
  });
});
