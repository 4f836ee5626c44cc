import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AgentGroups } from '../../../../src/main/agents/agent-groups.ts';
import { AGENTS_FOLDER } from '../../../../src/main/agents/agent-scope.ts';
import { type Launched, type LaunchSpec, SystemProcesses } from '../../../../src/main/agents/launcher.ts';
import { agentAmong } from '../../../../src/main/agents/marked-process.ts';
import { NO_LIMITS } from '../../../fakes/agent-config.ts';

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
    configFile: '',
    workDir: join(folder, 'work'),
    logFile: join(folder, 'logs/a1.log'),
    lockFile: join(folder, `locks/${over.agentId ?? 'a1'}.lock`),
    user: '',
    group: '',
    limits: NO_LIMITS,
    stopTimeoutMs: 10_000,
    ...over,
  });
  launched.push(made);
  return made;
}

/** Groups as systemd makes them, but of files: the program that makes a scope puts its own pid there. */
async function groups(): Promise<{ made: AgentGroups; group(): string }> {
  const [proc, group, bin] = ['proc', 'cgroup', 'bin'].map((name) => join(folder, name)) as [string, string, string];
  for (const path of [join(proc, 'self'), group, bin]) mkdirSync(path, { recursive: true });
  writeFileSync(join(proc, 'self/cgroup'), '0::/system.slice/daemon.service\n');
  const program = `#!/bin/sh
    for word; do case $word in --unit=*) unit=\${word#--unit=} ;; esac; done
    while [ "$1" != -- ]; do shift; done
    shift
    [ "$1" = true ] && exit
    /bin/mkdir -p "${group}/${AGENTS_FOLDER}/$unit" "${proc}/$$"
    echo $$ >"${group}/${AGENTS_FOLDER}/$unit/cgroup.procs"
    echo "0::/${AGENTS_FOLDER}/$unit" >"${proc}/$$/cgroup"
    exec "$@"`;
  writeFileSync(join(bin, 'systemd-run'), program, { mode: 0o755 });
  const made = new AgentGroups({ environment: { PATH: `${bin}:/bin:/usr/bin` }, procRoot: proc, groupRoot: group });
  return { made, group: () => join(group, AGENTS_FOLDER, readdirSync(join(group, AGENTS_FOLDER))[0] ?? '') };
}

describe('with control groups', () => {
  test('the agent itself is what is in its scope, whatever PATH it has; limits that are not held are told', async () => {
    const { made, group } = await groups();
    processes = new SystemProcesses(made);
    const { identity, warnings } = await launch('exec /bin/sleep 60', {
      env: { PATH: '/nowhere' },
      limits: { ...NO_LIMITS, tasks: 5 },
    });
    expect(readFileSync(join(group(), 'cgroup.procs'), 'utf8')).toBe(`${identity.pid}\n`);
    expect(warnings).toEqual(['its limits tasks are without effect: systemd has no such controller here']);
    const found = (await processes.scan(folder)).get('a1') ?? [];
    expect(found.map((one) => one.identity)).toEqual([identity]); // by its marks and by its group, and once
  });

  test('a child without marks in a session of its own is found by the group', async () => {
    const { made, group } = await groups();
    processes = new SystemProcesses(made);
    const { identity } = await launch('env -i setsid sh -c "echo \\$\\$ >child; exec sleep 60" & exec sleep 60');
    const childFile = join(folder, 'work/child');
    const child = await vi.waitFor(
      () => Number(/^\d+\n$/.exec(readFileSync(childFile, 'utf8'))?.[0]) || Promise.reject(),
    );
    const alone = await new SystemProcesses().scan(folder);
    expect(alone.get('a1')?.map((one) => one.identity.pid)).toEqual([identity.pid]);
    writeFileSync(join(group(), 'cgroup.procs'), `${identity.pid}\n${child}\n`);
    const found = (await processes.scan(folder)).get('a1') ?? [];
    expect(found.map((one) => one.identity.pid)).toEqual([identity.pid, child]);
    for (const one of found) processes.signal(one.identity, 'SIGKILL');
    await vi.waitFor(() => expect(found.every((one) => processes.find(one.identity) === null)).toBe(true));
  });
});

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

  test('rejects in words where the program is absent, no regular file or not executable, or its configuration is', async () => {
    await expect(launch('', { program: join(folder, 'absent') })).rejects.toThrow(/absent is not there/);
    await expect(launch('', { program: folder })).rejects.toThrow(/is not a regular file/);
    const text = join(folder, 'text');
    writeFileSync(text, 'not a program', { mode: 0o644 });
    await expect(launch('', { program: text })).rejects.toThrow(/is not executable/);
    await expect(launch('', { configFile: join(folder, 'absent') })).rejects.toThrow(
      /config_file .*absent cannot be read/,
    );
  });

  test('warns of a program that others may write', async () => {
    const program = join(folder, 'loose');
    writeFileSync(program, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    chmodSync(program, 0o777);
    expect((await launch('', { program, args: [] })).warnings).toEqual([`${program} may be written by everybody`]);
    expect((await launch('exit 0', { agentId: 'b2' })).warnings).toEqual([]);
  });

  test('a second copy cannot start while the first, or a child of it, lives', async () => {
    const { identity, exited } = await launch('sleep 60 & exec sleep 60');
    await expect(launch('exec sleep 60')).rejects.toThrow(/another process of this agent runs/);
    process.kill(identity.pid, 'SIGKILL');
    await exited;
    await expect(launch('exec sleep 60')).rejects.toThrow(/another process of this agent runs/);
    const [child] = (await processes.scan(folder)).get('a1') ?? [];
    expect(child).toMatchObject({ leadsSession: false });
    if (child) expect(processes.signal(child.identity, 'SIGKILL')).toBe(true);
    const again = await vi.waitFor(() => launch('exec sleep 60'));
    expect(processes.find(again.identity)).not.toBeNull();
  });

  test('sets limits on the process itself', async () => {
    const limits = { ...NO_LIMITS, openFiles: 123, processes: 0, addressSpaceBytes: 4e9, coreBytes: 0 };
    const { identity } = await launch('exec sleep 60', { limits });
    const found = await vi.waitFor(() => {
      const text = readFileSync(`/proc/${identity.pid}/limits`, 'utf8');
      expect(text).toMatch(/Max open files +123 +123 /);
      return text;
    });
    expect(found).toMatch(/Max address space +4000000000 +4000000000 /);
    expect(found).toMatch(/Max core file size +0 +0 /);
    await vi.waitFor(() => expect(readFileSync(`/proc/${identity.pid}/comm`, 'utf8')).toBe('sleep\n'));
  });

  const root = process.getuid?.() === 0;
  test.skipIf(!root)(
    `runs as another user, with that user’s groups only${root ? '' : ' (left out: not root)'}`,
    async () => {
      chmodSync(folder, 0o755);
      const { exited } = await launch('id -un; id -G; stat -c %U .', { user: 'nobody' });
      expect(await exited).toEqual({ code: 0, signal: null });
      const lines = readFileSync(join(folder, 'logs/a1.log'), 'utf8').trim().split('\n');
      expect(lines).toEqual(['nobody', execFileSync('id', ['-G', 'nobody'], { encoding: 'utf8' }).trim(), 'nobody']);
      await expect(launch('', { user: 'no-such-user' })).rejects.toThrow(/no user no-such-user/);
    },
  );

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
    const fake = new SystemProcesses(null, join(folder, 'proc'));
    const known = { pid: 500, startTicks: 999, bootId: 'boot' };
    writeFileSync(join(folder, 'proc/500/stat'), stat('S'));
    expect(fake.find(known)).toMatchObject({ state: 'S', cpuTicks: 15, rssPages: 25, groupId: 500 });
    writeFileSync(join(folder, 'proc/500/stat'), stat('Z'));
    expect(fake.find(known)).toBeNull();
  });

  test('finds the processes of one owner’s agents by their environment, and which is the agent', async () => {
    const { identity } = await launch('sleep 60 & setsid sleep 60 & wait');
    await launch('exec sleep 60', { agentId: 'b2', owner: '/elsewhere' });
    const found = await vi.waitFor(async () => {
      const marked = await processes.scan(folder);
      expect(marked.get('a1')).toHaveLength(3);
      expect(marked.get('a1')?.filter(({ leadsSession }) => leadsSession)).toHaveLength(2);
      expect(marked.get('a1')?.every(({ command }) => /sleep|sh$/.test(command[0] ?? ''))).toBe(true);
      return marked;
    });
    expect([...found.keys()]).toEqual(['a1']);
    const marked = found.get('a1') ?? [];
    const uid = String(process.getuid?.());
    expect(agentAmong(marked, { binaryPath: '/bin/sh', user: '' })).toEqual(identity);
    expect(agentAmong(marked, { binaryPath: '/bin/sh', user: uid })).toEqual(identity);
    expect(agentAmong(marked, { binaryPath: '/bin/sh', user: userInfo().username })).toEqual(identity);
    expect(agentAmong(marked, { binaryPath: '/bin/sh', user: 'somebody-else' })).toBeNull();
    expect(agentAmong(marked, { binaryPath: '/opt/other', user: '' })).toBeNull();
    for (const { identity: each } of marked) processes.signal(each, 'SIGKILL');
  });

  test.runIf(process.getuid?.() === 0)('tells whose a process is', async () => {
    chmodSync(folder, 0o755);
    await launch('exec sleep 60', { user: 'nobody', group: 'nogroup' });
    const marked = await vi.waitFor(async () => {
      const found = (await processes.scan(folder)).get('a1') ?? [];
      expect(found.map(({ user }) => user)).toEqual([{ isOwn: false, names: ['65534', 'nobody'] }]);
      return found;
    });
    const program = marked[0]?.command[0] ?? '';
    expect(agentAmong(marked, { binaryPath: program, user: '' })).toBeNull();
    expect(agentAmong(marked, { binaryPath: program, user: '65534' })).toEqual(marked[0]?.identity);
    expect(agentAmong(marked, { binaryPath: program, user: 'nobody' })).toEqual(marked[0]?.identity);
  });

  test('says when a process was started', async () => {
    const before = Date.now();
    const { identity } = await launch('exec sleep 60');
    // btime has whole seconds, start times hundredths
    expect(Math.abs(processes.startedAtMs(identity) - before)).toBeLessThan(2000);
  });
});
