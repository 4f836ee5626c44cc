/**
 * The release for arm64, run on another machine by qemu's user mode: the Node and the native calls that it carries are
 * those of an arm64 host, the kernel is this one's.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sampleAgent, TestHost } from '../support/daemon-process.ts';
import { DIST, ManagerProcess } from '../support/manager-process.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-until.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/package.mjs', import.meta.url));
/** Where Debian has the libraries of an arm64 host: libstdc++6-arm64-cross. */
const ROOT = '/usr/aarch64-linux-gnu';
/** Everything is emulated, beside other tests. */
const SLOW_MS = 60_000;
/** The Node for arm64 may have to be fetched. */
const FETCH_MS = 300_000;
const there = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const CAN_RUN =
  process.arch === 'x64' &&
  existsSync(join(ROOT, 'lib/libstdc++.so.6')) &&
  there('qemu-aarch64') &&
  there('aarch64-linux-gnu-gcc');

describe.skipIf(!CAN_RUN)('on arm64 (skipped where qemu-user, gcc or libstdc++ for arm64 are missing)', () => {
  let folder: string;
  let remove: () => Promise<void>;
  let release: string;

  beforeAll(async () => {
    ({ path: folder, remove } = await temporaryFolder('arm64'));
    const args = [SCRIPT, '--no-build', '--dist', DIST, '--arch', 'arm64', '--out', folder];
    const made = spawnSync(process.execPath, args, { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(made.stderr);
    const unpacked = spawnSync('tar', ['-xzf', made.stdout.trim(), '-C', folder], { encoding: 'utf8' });
    if (unpacked.status !== 0) throw new Error(unpacked.stderr);
    release = join(folder, readdirSync(folder).find((name) => /^daemon-[\d.]+$/.test(name)) ?? '');
    // what the kernel of an arm64 host would do by itself
    const node = join(release, 'bin/node');
    renameSync(node, `${node}.arm64`);
    writeFileSync(node, `#!/bin/sh\nexec qemu-aarch64 -L ${ROOT} "$0.arm64" "$@"\n`, { mode: 0o755 });
  }, FETCH_MS);
  afterAll(() => remove());

  const run = (name: string, ...args: string[]) =>
    spawnSync(join(release, 'bin', name), args, { encoding: 'utf8', timeout: 60_000 });

  test('each program starts', () => {
    const version = readFileSync(join(release, 'VERSION'), 'utf8');
    expect(run('node', '-p', 'process.arch').stdout).toBe('arm64\n');
    expect(run('daemon', '--version')).toMatchObject({ status: 0, stdout: version });
    expect(run('daemonctl', '--version')).toMatchObject({ status: 0, stdout: version });
  });

  test('the native calls are there, and work as far as the kernel is asked through qemu', () => {
    const script = `
      const { exports: calls } = (() => { const m = { exports: {} }; process.dlopen(m, process.argv[1]); return m; })();
      console.log(JSON.stringify([calls.trim(), calls.collect(), calls.notify('/nonexistent/notify', 'READY=1')]));`;
    const ran = run('node', '-e', script, join(release, 'lib/give-back.node'));
    expect(ran.stderr).toBe('');
    expect(JSON.parse(ran.stdout)).toEqual([true, true, -constants.errno.ENOENT]);
  });

  test(
    'the daemon registers, reports, runs an agent and leaves it alive; the next one adopts it',
    async ({ onTestFinished }) => {
      const host = await TestHost.make();
      onTestFinished(() => host.remove());
      const manager = await ManagerProcess.start();
      onTestFinished(async () => void (await manager.stop()));
      await host.configure(manager.port, manager.tlsFolder, { agents: [sampleAgent('one')] });
      const shell = `shift 2; exec '${release}/bin/daemon' "$@"`;
      const first = host.start([], { shell });
      await manager.event('registered', () => true, SLOW_MS);
      await manager.event('states', ({ states }) => states[0]?.status === 'running', SLOW_MS);
      const types = (): string[] =>
        manager.eventsNamed('report').flatMap(({ metrics }) => metrics.map(({ type }) => type));
      for (const type of ['cpu', 'memory', 'disk', 'network'])
        await waitFor(() => types().includes(type), { what: type, timeoutMs: SLOW_MS });
      const [agent] = host.agents();
      first.signal('SIGTERM');
      expect(await first.exited).toEqual({ code: 0, signal: null });
      expect(host.agents()).toEqual([agent]);
      host.start([], { shell });
      await host.logged('agent-adopted');
      expect(host.agents()).toEqual([agent]);
    },
    FETCH_MS,
  );
});
