/**
 * daemonctl as a person sees it, in a real terminal. With UPDATE_SCREENS=1 what is seen goes to docs/screens/, what
 * differs from run to run made the same; otherwise it is compared with what is there.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { ActionOutcome, RecordedEvent } from '../../src/shared/contracts/control.ts';
import { expectNoProcessWith, killProcessesWith, processesWith } from '../support/processes.ts';
import { testFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-until.ts';
import { FakeDaemon } from '../unit/ctl/fake-daemon.ts';
import { AGENTS, agentView, eventsOf, hostHandlers, recordedEvent, statusView } from '../unit/ctl/host-views.ts';
import { type BuiltProgram, buildProgram } from '../unit/ctl/run.ts';
import { DoctorHost, doctorText } from './ctl-doctor-host.ts';
import { HAS_TMUX, TmuxTerminal } from './ctl-terminal.ts';

const SCREENS = resolve(import.meta.dirname, '../../docs/screens');
const MiB = 1024 ** 2;
/** Columns in which no line with a path of a test is wrapped. */
const WIDE = 400;

const SEEN = [
  ...AGENTS,
  agentView('node-exporter', { pid: 4713, usage: { atMs: 0, cpuPercent: 0.2, rssBytes: 18 * MiB, openFiles: 9 } }),
  agentView('backup', { status: 'stopped', pid: 0, startedAtMs: 0, wanted: false, usage: null, version: '' }),
];

/** Kept, or compared with what was kept. */
function keep(name: string, command: string, screen: string): void {
  const text = `$ ${command}\n${screen.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '2026-01-02T03:04:05Z')}\n`;
  const path = join(SCREENS, `${name}.txt`);
  if (process.env['UPDATE_SCREENS'] !== '1') {
    expect(text).toBe(readFileSync(path, 'utf8'));
    return;
  }
  mkdirSync(SCREENS, { recursive: true });
  writeFileSync(path, text);
}

/** Without the line that was typed and the prompt at the end. */
function answerOf(screen: string): string {
  const lines = screen.split('\n');
  const first = lines.findLastIndex((line) => line.startsWith('$ ') && line.length > 2);
  return lines
    .slice(first + 1)
    .filter((line) => line !== '$')
    .join('\n')
    .trimEnd();
}

// where tmux is missing there is no terminal to look at
describe.skipIf(!HAS_TMUX)('in a terminal (skipped where tmux is missing)', () => {
  let program: BuiltProgram;
  let folder: string;
  let daemon: FakeDaemon;
  let terminal: TmuxTerminal;

  beforeAll(async () => {
    program = await buildProgram();
  });
  afterAll(() => program.remove());
  beforeEach(async () => {
    folder = await testFolder('screens');
    const status = async () => statusView({ agents: { running: 2, failed: 1, stopped: 1 } });
    daemon = await FakeDaemon.listen(join(folder, 'c.sock'), hostHandlers({ status, agents: async () => SEEN }));
  });
  afterEach(async () => {
    await terminal.close();
    await daemon.goAway();
    killProcessesWith(program.path);
  });

  /** A short name for the program, so that the line that is typed fits. */
  async function open(columns: number, rows: number): Promise<void> {
    terminal = await TmuxTerminal.open(folder, columns, rows);
    await terminal.type(`daemonctl() { '${process.execPath}' '${program.path}' "$@"; }; S=${daemon.path}; clear`);
    await waitFor(async () => !(await terminal.screen()).includes('clear'), { what: 'the cleared screen' });
  }

  test('agents: a table in colour, wrapped where the terminal ends', async () => {
    await open(80, 24);
    await terminal.type('daemonctl agents --socket $S');
    const screen = await terminal.shows(/backup +stopped[\s\S]*\n\$$/, 'all agents');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
    expect(await terminal.colouredScreen()).toMatch(/\u001b\[31mfailed/);
    for (const line of screen.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    keep('agents', 'daemonctl agents', answerOf(screen));
    await terminal.type('clear; NO_COLOR=1 daemonctl agents --socket $S; echo "in one colour"');
    expect(await terminal.shows(/^in one colour$/m, 'the end')).toMatch(/backup +stopped/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
    expect(await terminal.colouredScreen()).not.toMatch(/\u001b\[3\dm/);
  });

  test('events -f: lines come as things happen, Ctrl-C ends it', async () => {
    const record: RecordedEvent[] = [
      recordedEvent(1, { kind: 'daemon-started', agentId: '', message: 'daemon 0.1.0 started' }),
      recordedEvent(2, { message: 'agent telegraf was started with pid 4712' }),
    ];
    daemon.handlers.events = eventsOf(record);
    await open(110, 24);
    await terminal.type('daemonctl events -f --socket $S');
    await terminal.shows(/agent telegraf was started/, 'what happened');
    record.push(
      recordedEvent(3, { kind: 'agent-exited', agentId: 'filebeat', message: 'agent filebeat ended with exit code 1' }),
    );
    const screen = await terminal.shows(/filebeat ended with exit code 1/, 'what happens');
    keep('events', 'daemonctl events -f', answerOf(screen));
    await terminal.press('C-c');
    await terminal.shows(/\n(\^C)?\$ ?$/, 'the prompt');
    await expectNoProcessWith(program.path);
  });

  test('doctor: everything with the daemon running, and what to do', async () => {
    const host = await DoctorHost.make(folder);
    onTestFinished(() => host.remove());
    await daemon.goAway();
    const status = async () => statusView({ pid: host.daemon.pid, configFile: host.configFile });
    daemon = await FakeDaemon.listen(host.socket, hostHandlers({ status }));
    chmodSync(host.socket, 0o660);
    await open(WIDE, 50);
    await terminal.type(`daemonctl doctor --config ${host.configFile}; echo "ends with $?"`);
    const screen = await terminal.shows(/ends with \d/, 'the end');
    expect(screen).toMatch(/ends with 1$/m);
    const findings = await host.findings(answerOf(screen).replace(/\nends with 1$/, ''));
    keep('doctor', 'daemonctl doctor', await doctorText(findings, 120));
  });

  describe('top', () => {
    const operated: unknown[] = [];

    beforeEach(() => {
      operated.length = 0;
      daemon.handlers.operate = async (input): Promise<ActionOutcome[]> => {
        operated.push(input);
        return [{ agentId: input.agentId, success: true, error: '' }];
      };
    });

    async function start(columns = 80, rows = 24): Promise<string> {
      await open(columns, rows);
      await terminal.type('echo before; daemonctl top --interval 1 --socket $S; echo "ends with $?"');
      return terminal.shows(/q quit$/, 'the keys');
    }
    const restored = async (code: number): Promise<void> => {
      const screen = await terminal.shows(/ends with \d+/, 'the end');
      expect(screen).toContain('before');
      expect(screen).toContain(`ends with ${code}`);
      expect(screen).not.toContain('q quit');
      expect(await terminal.state()).toEqual({ alternate: false, cursor: true });
      await terminal.type('echo typed; stty -a | grep -c " echo "');
      await terminal.shows(/^typed\n1$/m, 'that what is typed is seen');
    };

    test('80 by 24: sorted, selected, confirmed, done, quit', async () => {
      const first = await start();
      expect(await terminal.state()).toEqual({ alternate: true, cursor: false });
      for (const line of first.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
      expect(first).toMatch(/^> telegraf/m);
      keep('top', 'daemonctl top', first);
      await terminal.press('n');
      await terminal.shows(/by name[\s\S]*backup[\s\S]*filebeat[\s\S]*telegraf/, 'the order by name');
      await terminal.press('Down', 'j', 'k', 'r');
      await terminal.shows(/restart \S+\? {2}y: yes/, 'the question');
      await terminal.press('x');
      await terminal.shows(/is left as it is$/, 'that nothing is done');
      expect(operated).toEqual([]);
      await terminal.press('s', 'y');
      const said = await terminal.shows(/stop \S+: done$/, 'that it is done');
      expect(operated).toEqual([{ agentId: /stop (\S+): done/.exec(said)?.[1], action: 'stop' }]);
      operated.length = 0;
      await terminal.press('r', 'y');
      const done = await terminal.shows(/restart \S+: done$/, 'that it is restarted');
      expect(operated).toEqual([{ agentId: /restart (\S+): done/.exec(done)?.[1], action: 'restart' }]);
      await terminal.press('q');
      await restored(0);
    });

    test('another size is taken over at once', async () => {
      await start();
      await terminal.resize(120, 30);
      await waitFor(async () => (await terminal.screen()).split('\n').length === 30, { what: 'a picture of 30 rows' });
      await terminal.shows(/exit code 1 after 10 restarts/, 'the note, for which there is room now');
      await terminal.resize(40, 12);
      const narrow = async () => (await terminal.screen()).split('\n').length <= 12;
      await waitFor(narrow, { what: 'a picture of 12 rows' });
      await terminal.shows(/^> /m, 'the selected agent');
      await terminal.press('C-c');
      await restored(0);
    });

    test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s gives the terminal back', async (signal) => {
      await start();
      const [pid] = processesWith(`${program.path}\0top`);
      expect(pid).toBeDefined();
      process.kill(pid ?? 0, signal);
      await restored(128 + constants.signals[signal]);
    });

    test('a terminal that goes ends it', async () => {
      await start();
      await terminal.close();
      await expectNoProcessWith(program.path);
    });

    test('a daemon that goes and comes back', async () => {
      await start();
      await daemon.goAway();
      await terminal.shows(/does not answer/, 'that it is away');
      await daemon.comeBack();
      await terminal.shows(/link connected/, 'that it is back');
      await terminal.press('q');
      await restored(0);
    });

    test('a daemon that is not there: nothing is drawn', async () => {
      await daemon.goAway();
      await open(80, 24);
      await terminal.type('echo before; daemonctl top --socket $S; echo "ends with $?"');
      await restored(3);
    });
  });
});
