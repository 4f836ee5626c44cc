import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { commandLine } from '../../../../src/main/agents/command.ts';
import { agentArguments, healthEndpoint } from '../../../../src/main/agents/types.ts';
import { VersionProbe, versionIn } from '../../../../src/main/agents/version-probe.ts';
import type { AgentType } from '../../../../src/shared/contracts/agent.ts';
import { NO_LIMITS } from '../../../fakes/agent-config.ts';

const agent = (type: AgentType, args: string[] | null = null, configFile = '/etc/c.yml') => ({
  type,
  args,
  configFile,
  workDir: '/var/w',
  healthCheck: { httpEndpoint: '' },
});

describe('arguments', () => {
  test.each([
    ['filebeat', '/etc/c.yml', ['-c', '/etc/c.yml', '-path.home', '/var/w']],
    ['filebeat', '', ['-path.home', '/var/w']],
    ['telegraf', '/etc/c.yml', ['-config', '/etc/c.yml']],
    ['telegraf', '', []],
    ['node_exporter', '/etc/c.yml', ['--web.config.file=/etc/c.yml']],
    ['node_exporter', '', []],
    ['custom', '/etc/c.yml', []],
  ] as const)('%s with the configuration %j has %j', (type, configFile, expected) => {
    expect(agentArguments(agent(type, null, configFile))).toEqual(expected);
  });

  test('those of the configuration replace them, an empty list too', () => {
    expect(agentArguments(agent('filebeat', ['-e']))).toEqual(['-e']);
    expect(agentArguments(agent('filebeat', []))).toEqual([]);
  });
});

describe('where a node_exporter answers', () => {
  test.each([
    [[], 'http://127.0.0.1:9100/metrics'],
    [['--web.listen-address=:9200'], 'http://127.0.0.1:9200/metrics'],
    [['--web.listen-address', '10.0.0.5:9100', '--web.telemetry-path=/m'], 'http://10.0.0.5:9100/m'],
    [['--web.listen-address=:1', '--web.listen-address=[::]:2'], 'http://127.0.0.1:2/metrics'],
    [['--web.listen-address=127.0.0.1:0'], ''],
    [['--web.listen-address=unix'], ''],
    [['--web.config.file=/etc/web.yml'], ''],
  ])('%j: %s', (args, expected) => {
    expect(healthEndpoint(agent('node_exporter', args))).toBe(expected);
  });

  test('what is configured wins; other types answer nowhere by themselves', () => {
    const configured = { ...agent('node_exporter', []), healthCheck: { httpEndpoint: 'http://x/' } };
    expect(healthEndpoint(configured)).toBe('http://x/');
    expect(healthEndpoint(agent('telegraf'))).toBe('');
  });
});

describe('versions', () => {
  test.each([
    ['filebeat', 'filebeat version 8.11.1 (amd64), libbeat 8.11.1 [abc built 2023]', '8.11.1'],
    ['telegraf', 'Telegraf 1.28.5 (git: HEAD@abc)', '1.28.5'],
    ['telegraf', 'Telegraf v1.9.0', '1.9.0'],
    ['node_exporter', 'node_exporter, version 1.5.0 (branch: debian/sid)\n  go version: go1.19', '1.5.0'],
    ['node_exporter', 'usage: something', ''],
    ['custom', 'my-agent 1.0', '1.0'],
    ['custom', 'built 2024 by v2.10.3-rc.1+x', '2.10.3-rc.1+x'],
    ['custom', 'no number here', ''],
  ] as const)('%s says %j', (type, output, version) => {
    expect(versionIn(type, output)).toBe(version);
  });

  const NOBODY = { user: '', group: '' };
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'version-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const program = (name: string, script: string): string => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return path;
  };

  test('a program is run once, and again when the file is another', async () => {
    const probe = new VersionProbe();
    const count = join(folder, 'count');
    const script = (version: string): string =>
      `echo x >> ${count}; echo "node_exporter, version ${version} (x)" >&2; exit 3`;
    const path = program('exporter', script('1.0.0'));
    expect(
      await Promise.all([1, 2].map(() => probe.version({ type: 'node_exporter', versionArgs: null, ...NOBODY }, path))),
    ).toEqual(['1.0.0', '1.0.0']);
    expect(await probe.version({ type: 'node_exporter', versionArgs: null, ...NOBODY }, path)).toBe('1.0.0');
    rmSync(path);
    program('exporter', `${script('2.0.0')} # another`);
    expect(await probe.version({ type: 'node_exporter', versionArgs: null, ...NOBODY }, path)).toBe('2.0.0');
  });

  test('one that hangs is ended, one that is not there rejects, and both are asked again', async () => {
    const probe = new VersionProbe(100);
    const hangs = program('hangs', 'exec sleep 60');
    await expect(probe.version({ type: 'telegraf', versionArgs: null, ...NOBODY }, hangs)).rejects.toMatchObject({
      killed: true,
    });
    program('hangs', 'echo Telegraf 1.2.3');
    expect(await probe.version({ type: 'telegraf', versionArgs: null, ...NOBODY }, hangs)).toBe('1.2.3');
    await expect(
      probe.version({ type: 'telegraf', versionArgs: null, ...NOBODY }, join(folder, 'absent')),
    ).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  test('a program of unknown habits is not run', async () => {
    const ran = join(folder, 'ran');
    const own = program('own', `touch ${ran}`);
    expect(await new VersionProbe().version({ type: 'custom', versionArgs: null, ...NOBODY }, own)).toBe('');
    expect(existsSync(ran)).toBe(false);
  });

  test('a custom one is asked as the configuration says', async () => {
    const own = program('own', 'echo "own tool $1 3.4.5"');
    expect(await new VersionProbe().version({ type: 'custom', versionArgs: ['-V'], ...NOBODY }, own)).toBe('3.4.5');
  });
});

describe('commandLine', () => {
  const spec = { program: '/bin/a', args: ['-x', '--'], user: '', group: '', limits: NO_LIMITS };

  test('is the program itself where nothing else is wanted', () => {
    expect(commandLine(spec)).toEqual({ file: '/bin/a', args: ['-x', '--'] });
  });

  test('puts limits before the user, since raising them may need the daemon’s own rights', () => {
    const limits = { ...NO_LIMITS, openFiles: 10, processes: 20, addressSpaceBytes: 30, coreBytes: 0 };
    expect(commandLine({ ...spec, user: 'joe', group: '100', limits })).toEqual({
      file: 'prlimit',
      args: [
        ...['--nofile=10:10', '--nproc=20:20', '--as=30:30', '--core=0:0', '--'],
        ...['setpriv', '--reuid=joe', '--regid=100', '--init-groups', '--'],
        ...['/bin/a', '-x', '--'],
      ],
    });
    expect(commandLine({ ...spec, group: 'adm' }).args.slice(0, 3)).toEqual(['--regid=adm', '--clear-groups', '--']);
  });
});
