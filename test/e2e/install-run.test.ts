/** An installed release: run, updated by hand, rolled back, and removed again. */
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GROUP_ID, image, type Ran, runScript, SignedReleases, treeOf } from '../support/install-root.ts';
import { type InstalledDaemon, runInstalled } from '../support/installed-daemon.ts';
import { waitFor } from '../support/wait-until.ts';

const SCRIPTS = fileURLToPath(new URL('../../scripts', import.meta.url));
const LONG_MS = 120_000;
const asRoot = process.getuid?.() === 0;

let releases: SignedReleases;
let first: string;
let second: string;

beforeAll(async () => {
  ({ releases, first, second } = await SignedReleases.two());
}, LONG_MS);
afterAll(() => releases.remove());

const install = (root: string, archive: string, ...args: string[]): Promise<Ran> =>
  releases.install(root, archive, { args });

/** From a root that has it, with the script that came with it. */
const fromRelease = (root: string, script: string, ...args: string[]): Promise<Ran> =>
  runScript(join(root, 'opt/daemon/current/share', script), ['--root', root, ...args]);

async function installed(archive = first): Promise<string> {
  const root = await image();
  expect(await install(root, archive)).toMatchObject({ code: 0, stderr: '' });
  return root;
}

const currentOf = (root: string): string => readlinkSync(join(root, 'opt/daemon/current'));

/** Ends the daemon for good once it has ended its agents, as uninstall.sh asks it to. */
async function stopOnceAgentsAreEnded(root: string, { agents, supervisor }: InstalledDaemon): Promise<void> {
  const once = supervisor.daemon;
  // not only that they have gone: daemonctl must have its answer before the daemon is ended here
  const audit = join(root, 'var/log/daemon/audit.log');
  const answered = (): boolean => existsSync(audit) && readFileSync(audit, 'utf8').includes('"asked":"stop"');
  await waitFor(() => (agents().length === 0 && answered()) || once.exit !== null, {
    what: 'the end of the agents',
    timeoutMs: 20_000,
  });
  await supervisor.stop();
}

describe('what was installed', () => {
  test(
    'runs, is updated by update.sh with its agents alive, goes back, and is removed without a trace',
    async () => {
      const root = await installed();
      const { agents, supervisor } = await runInstalled(root);
      const pids = agents();
      const ctl = join(root, 'usr/local/bin/daemonctl');
      expect(existsSync(ctl)).toBe(false); // it leads to the /opt of the image
      const socket = ['--socket', join(root, 'var/lib/daemon/control.sock')];
      const ask = (...args: string[]): Promise<Ran> =>
        runScript(join(root, 'opt/daemon/current/bin/daemonctl'), [...args, ...socket]);
      expect(await ask('updates')).toMatchObject({ code: 0 });
      if (asRoot) expect(treeOf(join(root, 'var/lib/daemon'))['control.sock']).toBe(`other 660 0:${GROUP_ID}`);

      expect(await fromRelease(root, 'update.sh', second)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('daemon 1.0.0 to 1.1.0: done'),
      });
      expect(currentOf(root)).toBe('releases/1.1.0');
      expect(agents()).toEqual(pids);
      // the installer has nothing to add to what the daemon itself has put there
      expect(await install(root, second)).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') });
      expect((await fromRelease(root, 'update.sh', first)).code).not.toBe(0);
      expect(await ask('rollback', 'daemon')).toMatchObject({ code: 0 });
      expect(currentOf(root)).toBe('releases/1.0.0');
      expect(agents()).toEqual(pids);

      // somebody starts it again whenever it is ended: that is not to be fought
      const before = Object.keys(treeOf(join(root, 'opt')));
      const refused = await fromRelease(root, 'uninstall.sh', '--yes');
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('end what starts it again') });
      expect(Object.keys(treeOf(join(root, 'opt')))).toEqual(before);
      await supervisor.stop();

      const purged = await fromRelease(root, 'uninstall.sh', '--yes', '--purge');
      expect(purged).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('would lose their folders: add --stop-agents'),
      });
      const removed = await fromRelease(root, 'uninstall.sh', '--yes');
      expect(removed).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('agents run on') });
      expect(agents()).toEqual(pids);
      expect(existsSync(join(root, 'opt/daemon'))).toBe(false);
      expect(existsSync(join(root, 'etc/daemon/daemon.yaml'))).toBe(true);
      expect(existsSync(join(root, 'var/lib/daemon/agents.json'))).toBe(true);
    },
    LONG_MS,
  );

  test(
    'runs its agents again where they were stopped to remove it',
    async () => {
      const root = await installed();
      const running = await runInstalled(root);
      const table = join(root, 'var/lib/daemon/agents.json');
      const removing = fromRelease(root, 'uninstall.sh', '--yes', '--stop-agents');
      await stopOnceAgentsAreEnded(root, running);
      expect(await removing).toMatchObject({ code: 0, stderr: '' });
      expect(running.agents()).toEqual([]);
      expect(existsSync(table)).toBe(false);
      expect(existsSync(join(root, 'var/lib/daemon/node-id'))).toBe(true);

      expect(await install(root, first)).toMatchObject({ code: 0, stderr: '' });
      const again = await runInstalled(root);
      expect(again.agents()).toHaveLength(1);
      await waitFor(() => readFileSync(table, 'utf8').includes('"wanted": "running"'), { what: 'the table' });
    },
    LONG_MS,
  );

  test(
    'is removed with its agents, which are ended through the daemon, and nothing is left',
    async () => {
      const root = await image();
      const before = treeOf(root);
      expect(await install(root, first)).toMatchObject({ code: 0 });
      const running = await runInstalled(root);
      const removing = fromRelease(root, 'uninstall.sh', '--yes', '--purge', '--stop-agents');
      await stopOnceAgentsAreEnded(root, running);
      const { code, stderr } = await removing;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(running.agents()).toEqual([]);
      expect(treeOf(root)).toEqual(before);
    },
    LONG_MS,
  );

  test('keeps everything where its agents cannot be ended', async () => {
    const root = await installed();
    const before = treeOf(root);
    const { code, stderr } = await fromRelease(root, 'uninstall.sh', '--yes', '--purge', '--stop-agents');
    expect(code).toBe(1);
    expect(stderr).toContain('the agents could not be stopped; nothing was removed');
    expect(treeOf(root)).toEqual(before);
  });

  test('is told to update where there is no daemon: nothing else is tried', async () => {
    const root = await installed();
    const before = treeOf(root);
    const { code, stderr } = await fromRelease(root, 'update.sh', second);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain('cannot be asked');
    expect(treeOf(root)).toEqual(before);
    const bare = await runScript(join(SCRIPTS, 'update.sh'), ['--root', await image(), second]);
    expect(bare).toMatchObject({ code: 1, stderr: expect.stringContaining('install it first') });
    expect(await runScript(join(SCRIPTS, 'update.sh'), [])).toMatchObject({ code: 2 });
  });
});

describe('uninstall.sh', () => {
  test('leaves the image as it was, with --purge', async () => {
    const root = await image();
    const before = treeOf(root);
    expect(await install(root, first)).toMatchObject({ code: 0 });
    expect(await install(root, second)).toMatchObject({ code: 0 });
    expect(await fromRelease(root, 'uninstall.sh', '--yes', '--purge')).toMatchObject({ code: 0, stderr: '' });
    expect(treeOf(root)).toEqual(before);
    const again = await runScript(join(SCRIPTS, 'uninstall.sh'), ['--yes', '--root', root]);
    expect(again).toMatchObject({ code: 0, stdout: 'nothing to do: it is not installed\n' });
  });

  test('keeps configuration and state without it, and what others have put beside', async () => {
    const root = await installed();
    mkdirSync(join(root, 'opt/daemon/of somebody else'));
    writeFileSync(join(root, 'var/lib/daemon/state'), 'x');
    const unit = join(root, 'etc/systemd/system/daemon.service');
    const changed = existsSync(unit);
    if (changed) writeFileSync(unit, '# ours\n');
    const { code, stdout } = await fromRelease(root, 'uninstall.sh', '--yes');
    expect(code).toBe(0);
    expect(existsSync(unit)).toBe(changed);
    if (changed) expect(stdout).toContain('daemon.service was changed: it stays');
    expect(readdirSync(join(root, 'opt/daemon'))).toEqual(['of somebody else']);
    expect(readFileSync(join(root, 'var/lib/daemon/state'), 'utf8')).toBe('x');
    expect(existsSync(join(root, 'etc/daemon/daemon.yaml'))).toBe(true);
    expect(existsSync(join(root, 'usr/local/bin/daemonctl'))).toBe(false);
    const purged = await runScript(join(SCRIPTS, 'uninstall.sh'), ['--yes', '--purge', '--root', root]);
    expect(purged).toMatchObject({ code: 0 });
    expect(existsSync(join(root, 'etc/daemon'))).toBe(false);
  });

  test('refuses without a terminal, and what install.sh has not put there', async () => {
    const root = await installed();
    const before = treeOf(root);
    expect(await fromRelease(root, 'uninstall.sh')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is no terminal to ask on'),
    });
    expect(treeOf(root)).toEqual(before);
    rmSync(join(root, 'opt/daemon/installed'));
    expect(await fromRelease(root, 'uninstall.sh', '--yes')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('was not put there by install.sh'),
    });
    expect(await fromRelease(root, 'uninstall.sh', '--all')).toMatchObject({ code: 2 });
  });
});
