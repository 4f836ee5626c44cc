import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Launched, type LaunchSpec, SystemProcesses } from '../../../../src/main/agents/launcher.ts';

let folder: string;
let processes: SystemProcesses;
const launched: Launched[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'launcher-'));
  processes = new SystemProcesses();
});
afterEach(async () => {
  for (const { identity, exited } of launched.splice(0)) {
    processes.signalGroup(identity, 'SIGKILL');
    await exited;
  }
  rmSync(folder, { recursive: true });
});

async function launch(script: string, over: Partial<LaunchSpec> = {}): Promise<Launched> {
  const made = await processes.launch({
    agentId: 'a1',
    owner: folder,
    program: '/bin/sh',
    args: ['-c', script],
    env: { GIVEN: 'yes' },
    workDir: join(folder, 'work'),
    logFile: join(folder, 'logs/a1.log'),
    ...over,
  });
  launched.push(made);
  return made;
}

describe('SystemProcesses', () => {
  test('starts in a session of its own, with its environment only, its folder, and both outputs in the log', async () => {
    const { identity, exited } = await launch('echo "$GIVEN $PWD $HOME"; echo oops >&2; cat /proc/self/environ');
    expect(await exited).toEqual({ code: 0, signal: null });
    const text = readFileSync(join(folder, 'logs/a1.log'), 'utf8');
    expect(text).toContain(`yes ${join(folder, 'work')} \noops\n`);
    expect(text).toContain('DAEMON_AGENT_ID=a1');
    expect(statSync(join(folder, 'work')).mode & 0o777).toBe(0o750);
    expect(identity.bootId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('an agent is the leader of its session and group', async () => {
    const { identity } = await launch('exec sleep 60');
    const stat = processes.find(identity);
    expect(stat).toMatchObject({ pid: identity.pid, groupId: identity.pid, sessionId: identity.pid });
  });

  test('rejects with the system error where the program is absent or not executable', async () => {
    await expect(launch('', { program: join(folder, 'absent') })).rejects.toMatchObject({ code: 'ENOENT' });
    const text = join(folder, 'text');
    writeFileSync(text, 'not a program', { mode: 0o644 });
    await expect(launch('', { program: text, args: [] })).rejects.toMatchObject({ code: 'EACCES' });
  });

  test('a signal ends the group, children too', async () => {
    const { identity, exited } = await launch('sleep 60 & echo $! > "$0"; wait', {
      args: ['-c', 'sleep 60 & echo $! > "$0"; wait', join(folder, 'child')],
    });
    const child = await vi.waitFor(() => {
      const pid = Number(readFileSync(join(folder, 'child'), 'utf8'));
      expect(pid).toBeGreaterThan(0);
      return pid;
    });
    expect(processes.signalGroup(identity, 'SIGTERM')).toBe(true);
    expect(await exited).toEqual({ code: null, signal: 'SIGTERM' });
    await vi
      .waitFor(() => {
        const stat = readFileSync(`/proc/${child}/stat`, { encoding: 'utf8', flag: 'r' });
        expect(stat.slice(stat.lastIndexOf(')') + 2)).toMatch(/^[ZX]/);
      })
      .catch((error: unknown) => {
        if (!String(error).includes('ENOENT')) throw error; // reaped already
      });
  });

  test('another start time, another boot and a zombie all count as gone', async () => {
    const { identity } = await launch('exec sleep 60');
    expect(processes.find(identity)).not.toBeNull();
    const reused = { ...identity, startTicks: identity.startTicks - 1 };
    expect(processes.find(reused)).toBeNull();
    expect(processes.signalGroup(reused, 'SIGKILL')).toBe(false);
    expect(processes.find({ ...identity, bootId: 'other' })).toBeNull();
    expect(processes.find(identity)).not.toBeNull();

    mkdirSync(join(folder, 'proc/500'), { recursive: true });
    mkdirSync(join(folder, 'proc/sys/kernel/random'), { recursive: true });
    writeFileSync(join(folder, 'proc/sys/kernel/random/boot_id'), 'boot\n');
    const stat = (state: string): string => `500 (a) b)) ${state} 1 500 500 0 -1 0 0 0 0 0 7 8 0 0 20 0 1 0 999 0 25 0`;
    const fake = new SystemProcesses(join(folder, 'proc'));
    const known = { pid: 500, startTicks: 999, bootId: 'boot' };
    writeFileSync(join(folder, 'proc/500/stat'), stat('S'));
    expect(fake.find(known)).toMatchObject({ state: 'S', cpuTicks: 15, rssPages: 25, groupId: 500 });
    writeFileSync(join(folder, 'proc/500/stat'), stat('Z'));
    expect(fake.find(known)).toBeNull();
  });

  test('finds running agents of one owner by their environment, and not their children', async () => {
    const { identity } = await launch('sleep 60 & wait');
    await launch('exec sleep 60', { agentId: 'b2', owner: '/elsewhere' });
    await vi.waitFor(() => expect(processes.scan(folder)).toEqual(new Map([['a1', identity]])));
  });

  test('says when a process was started', async () => {
    const before = Date.now();
    const { identity } = await launch('exec sleep 60');
    // btime has whole seconds, start times hundredths
    expect(Math.abs(processes.startedAtMs(identity) - before)).toBeLessThan(2000);
  });
});
