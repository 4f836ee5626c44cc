/** On a tree of files that looks like /proc and /sys/fs/cgroup: the real ones are test/systemd's. */
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AgentGroups } from '../../../../src/main/agents/agent-groups.ts';
import { AGENTS_FOLDER, scopeName } from '../../../../src/main/agents/agent-scope.ts';
import { NO_LIMITS } from '../../../fakes/agent-config.ts';
import { testFolder } from '../../../support/temp-folder.ts';

const OWNER = '/var/lib/daemon';
const LIMITED = { ...NO_LIMITS, memoryBytes: 1000, tasks: 5 };
const USER = '/user.slice/user-7.slice/user@7.service';

interface Host {
  cgroup?: string;
  oomScoreAdj?: number;
  programs?: readonly string[];
}

async function host(over: Host = {}) {
  const { cgroup = '/system.slice/daemon.service', oomScoreAdj = 0, programs = ['systemd-run', 'choom'] } = over;
  const folder = await testFolder('groups');
  const [procRoot, groupRoot, bin] = [join(folder, 'proc'), join(folder, 'cgroup'), join(folder, 'bin')];
  const put = async (path: string, text: string): Promise<void> => {
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, text);
  };
  await put(join(procRoot, 'self/cgroup'), `0::${cgroup}\n`);
  await put(join(procRoot, 'self/oom_score_adj'), `${oomScoreAdj}\n`);
  await mkdir(bin);
  for (const program of programs) {
    await put(join(bin, program), '');
    await chmod(join(bin, program), 0o755);
  }
  const manager = cgroup.startsWith(USER) ? USER : '';
  const agents = join(groupRoot, manager, AGENTS_FOLDER);
  const runs: { args: readonly string[]; env: NodeJS.ProcessEnv }[] = [];
  const refuse = { text: (_: readonly string[]) => '' };
  const environment = { PATH: `relative:${bin}`, XDG_RUNTIME_DIR: '/run/user/7', SECRET: 'x' };
  const clock = { ms: 0 };
  const make = () =>
    new AgentGroups({
      nowMs: () => clock.ms,
      environment,
      procRoot,
      groupRoot,
      run: async (_, args, env) => {
        runs.push({ args, env });
        const text = refuse.text(args);
        if (text) throw new Error(text);
      },
    });
  const scope = async (agentId: string, pids: string, below = ''): Promise<string> => {
    const path = join(agents, scopeName(agentId, OWNER, '0a1b2c'));
    await put(join(path, below, 'cgroup.procs'), pids);
    return path;
  };
  return { folder, procRoot, agents, bin, put, make, runs, refuse, scope, clock };
}

describe('wrap', () => {
  test('a scope each, asked for by the path of the program; the host is tried out once', async () => {
    const { make, bin, runs } = await host();
    const groups = make();
    const [one, two] = await Promise.all([
      groups.wrap('one', OWNER, LIMITED, 10_000),
      groups.wrap('two', OWNER, NO_LIMITS, 10_000),
    ]);
    expect(runs).toHaveLength(1);
    expect(runs[0]?.args).not.toContain('--user');
    expect(one).toMatchObject({ env: {}, warning: '' });
    expect(one.words[0]).toBe(join(bin, 'systemd-run'));
    expect(one.words).toEqual(expect.arrayContaining(['--property=MemoryMax=1000', '--property=OOMPolicy=kill']));
    expect(one.words.at(-1)).toBe('--');
    expect(two.scope).toMatch(/^daemon-agent-two-[0-9a-f]{8}-[0-9a-f]{6}\.scope$/);
  });

  test('an older systemd is asked in its own words', async () => {
    const { make, runs, refuse } = await host();
    refuse.text = (args) => (args.includes('--expand-environment=no') ? 'unrecognized option' : '');
    const { words, warning } = await make().wrap('one', OWNER, LIMITED, 10_000);
    expect(runs).toHaveLength(2);
    expect(warning).toBe('');
    expect(words).not.toContain('--expand-environment=no');
    expect(words).not.toContain('--property=OOMPolicy=kill');
  });

  test('the manager of a user is reached by its variables, and by no others', async () => {
    const { make, runs } = await host({ cgroup: `${USER}/app.slice/daemon.service` });
    const { words, env } = await make().wrap('one', OWNER, NO_LIMITS, 10_000);
    expect(words).toContain('--user');
    expect(env).toEqual({ XDG_RUNTIME_DIR: '/run/user/7' });
    expect(Object.keys(runs[0]?.env ?? {})).toEqual(['PATH', 'XDG_RUNTIME_DIR']);
  });

  test('what spares the daemon from the OOM killer does not spare its agents', async () => {
    const { make, bin } = await host({ oomScoreAdj: -500 });
    expect((await make().wrap('one', OWNER, NO_LIMITS, 10_000)).words.slice(-4)).toEqual([
      join(bin, 'choom'),
      '-n',
      '0',
      '--',
    ]);
    // raised by a user's manager, it cannot be lowered again
    const raised = await host({ oomScoreAdj: 200 });
    expect((await raised.make().wrap('one', OWNER, NO_LIMITS, 10_000)).words.at(-1)).toBe('--');
    expect((await raised.make().wrap('one', OWNER, NO_LIMITS, 10_000)).words).not.toContain(join(raised.bin, 'choom'));
  });

  test.each([
    ['no service', { cgroup: '/user.slice/user-7.slice/session-1.scope' }, '', /is no service of systemd/],
    ['no systemd-run', { programs: ['choom'] }, '', /there is no program systemd-run/],
    ['not allowed', {}, 'Command failed: x\nInteractive authentication required.\n', /makes no scope: Interactive/],
  ] as const)(
    '%s: the agent is started as it is, with one warning that names what is without effect',
    async (_, how, refusal, why) => {
      const { make, refuse } = await host(how);
      refuse.text = () => refusal;
      const groups = make();
      const { words, scope, warning } = await groups.wrap('one', OWNER, LIMITED, 10_000);
      expect({ words, scope }).toEqual({ words: [], scope: '' });
      expect(warning).toMatch(why);
      expect(warning).toContain('its limits memory, tasks are without effect: ');
      // where there could have been a group, that there is none is told as well, once
      const { warning: alone } = await groups.wrap('two', OWNER, NO_LIMITS, 10_000);
      expect(alone).toMatch('cgroup' in how ? /^$/ : /^it runs in the daemon's own control group: /);
      expect((await groups.wrap('three', OWNER, NO_LIMITS, 10_000)).warning).toBe('');
    },
  );

  test('a refusal is asked about again after a minute: systemd may only have been busy', async () => {
    const { make, refuse, runs, clock } = await host();
    refuse.text = () => 'Connection timed out';
    const groups = make();
    expect((await groups.wrap('one', OWNER, NO_LIMITS, 10_000)).scope).toBe('');
    clock.ms = 59_999;
    expect((await groups.wrap('one', OWNER, NO_LIMITS, 10_000)).scope).toBe('');
    expect(runs).toHaveLength(2); // in both words
    refuse.text = () => '';
    clock.ms = 60_000;
    expect((await groups.wrap('one', OWNER, NO_LIMITS, 10_000)).scope).not.toBe('');
    clock.ms = 1e9;
    await groups.wrap('one', OWNER, NO_LIMITS, 10_000);
    expect(runs).toHaveLength(3);
  });

  test('so is it where a process ended before it came into its scope', async () => {
    const { make, runs } = await host();
    const groups = make();
    const { scope } = await groups.wrap('one', OWNER, NO_LIMITS, 10_000);
    expect(await groups.settle(1, scope, NO_LIMITS, () => true)).toBe('');
    await groups.wrap('one', OWNER, NO_LIMITS, 10_000);
    expect(runs).toHaveLength(2);
  });
});

describe('settle', () => {
  test('waits until the process is in its scope, and has all of it killed at once where memory runs out', async () => {
    const { make, scope, put, procRoot } = await host();
    const path = await scope('one', '77\n');
    for (const file of ['memory.max', 'memory.oom.group', 'pids.max']) await put(join(path, file), '0\n');
    const name = path.split('/').at(-1) ?? '';
    await put(join(procRoot, '77/cgroup'), '0::/system.slice/daemon.service\n');
    let looks = 0;
    const settled = make().settle(77, name, LIMITED, () => {
      if (++looks === 3) void put(join(procRoot, '77/cgroup'), `0::/${AGENTS_FOLDER}/${name}\n`);
      return false;
    });
    expect(await settled).toBe('');
    expect(await readFile(join(path, 'memory.oom.group'), 'utf8')).toBe('1');
  });

  test('says which limits are not there after all', async () => {
    const { make, scope, put, procRoot } = await host();
    const path = await scope('one', '77\n');
    await put(join(path, 'pids.max'), '5\n');
    const name = path.split('/').at(-1) ?? '';
    await put(join(procRoot, '77/cgroup'), `0::/${AGENTS_FOLDER}/${name}\n`);
    expect(await make().settle(77, name, LIMITED, () => false)).toMatch(/^its limits memory are without effect: /);
  });

  test('a process that has ended is not waited for', async () => {
    const { make } = await host();
    expect(await make().settle(77, 'n.scope', LIMITED, () => true)).toBe('');
  });
});

describe('what runs in the groups', () => {
  test('every process of each agent, in groups of its own making too; nothing of others', async () => {
    const { make, scope, put, agents } = await host();
    await scope('one', '11\n12\n');
    await scope('one', '13\n', 'inner/deep');
    await scope('two', '');
    await put(join(agents, scopeName('one', '/var/lib/other', '0a1b2c'), 'cgroup.procs'), '99\n');
    await put(join(agents, 'init.scope/cgroup.procs'), '98\n');
    expect(make().processes(OWNER)).toEqual(new Map([['one', [11, 12, 13]]]));
  });

  test('kill() kills one agent’s group', async () => {
    const { make, scope } = await host();
    const [one, two] = [await scope('one', '11\n'), await scope('two', '12\n')];
    make().kill('one', OWNER);
    expect(await readFile(join(one, 'cgroup.kill'), 'utf8')).toBe('1');
    await expect(readFile(join(two, 'cgroup.kill'))).rejects.toThrow();
  });

  test('outOfMemory() knows whose it was, by the group or by what is missing', async () => {
    const { make, put, agents, scope, clock } = await host();
    const [one, two] = [await scope('one', '11\n'), await scope('two', '12\n')];
    const count = (folder: string, kills: number): Promise<void> =>
      put(join(folder, 'memory.events'), `oom_kill ${kills}\n`);
    for (const [folder, kills] of [
      [agents, 2],
      [one, 0],
      [two, 2],
    ] as const)
      await count(folder, kills);
    const groups = make();
    const asked = (agentId: string): boolean => groups.outOfMemory(agentId, OWNER);
    expect([asked('one'), asked('two')]).toEqual([false, false]);
    await count(agents, 3);
    await count(one, 1);
    expect([asked('two'), asked('one')]).toEqual([false, true]);
    clock.ms += 6000;
    await rm(one, { recursive: true });
    expect([asked('one'), asked('two')]).toEqual([false, false]);
    await count(agents, 4);
    await rm(two, { recursive: true });
    expect(asked('two')).toBe(true);
    clock.ms += 6000;
    expect(asked('two')).toBe(false);
    await rm(agents, { recursive: true });
    expect(asked('two')).toBe(false);
  });

  test('a scope that is there without its count is one that is going', async () => {
    const { make, put, agents, scope } = await host();
    await put(join(agents, 'memory.events'), 'oom_kill 0\n');
    await scope('one', '');
    const groups = make();
    await put(join(agents, 'memory.events'), 'oom_kill 1\n');
    expect(groups.outOfMemory('one', OWNER)).toBe(true);
  });

  test('unheld() is the same answer for whoever only asks', async () => {
    const { make, runs } = await host({ cgroup: '/' });
    expect(await make().unheld(LIMITED)).toMatch(
      /^its limits memory, tasks are without effect: the daemon is no service/,
    );
    expect(await make().unheld(NO_LIMITS)).toBe('');
    const { make: makeHeld } = await host();
    expect(await makeHeld().unheld(LIMITED)).toBe('');
    expect(runs).toEqual([]);
  });

  test('without groups there is nothing, and nothing fails', async () => {
    const { make } = await host({ cgroup: '/' });
    const groups = make();
    groups.kill('one', OWNER);
    expect([groups.processes(OWNER).size, groups.outOfMemory('one', OWNER)]).toEqual([0, false]);
  });
});
