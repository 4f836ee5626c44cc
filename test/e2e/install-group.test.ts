/** Whose members get the control socket: a group of the installation's own, or one that somebody has named. */
import { chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GROUP, GROUP_ID, image, type Ran, runScript, SignedReleases, treeOf } from '../support/install-root.ts';

const UNINSTALL = fileURLToPath(new URL('../../scripts/uninstall.sh', import.meta.url));
const LONG_MS = 120_000;
const asRoot = process.getuid?.() === 0;

let releases: SignedReleases;
let first: string;

beforeAll(async () => {
  releases = await SignedReleases.make();
  first = releases.build('1.0.0');
}, LONG_MS);
afterAll(() => releases.remove());

/** As somebody calls it who knows of no `--group`. */
const install = (root: string, ...args: string[]): Promise<Ran> =>
  runScript(releases.installer, ['--yes', '--root', root, '--key', releases.publicKey, ...args, first]);
const uninstall = (root: string, ...args: string[]): Promise<Ran> =>
  runScript(UNINSTALL, ['--yes', '--root', root, ...args]);

/** `NAME:ID`, a line each. */
const groupsOf = (root: string): string[] =>
  readFileSync(join(root, 'etc/group'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(':').filter((_, field) => field === 0 || field === 2))
    .map(([name, id]) => `${name}:${id}`);
const stateGroup = (root: string): number => statSync(join(root, 'var/lib/daemon')).gid;
const recordOf = (file: string): string[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('group '));

test.skipIf(!asRoot)(
  'is made, found again after a removal that keeps the state, and goes with --purge (needs root, to make a group)',
  async () => {
    const root = await image();
    const brought = groupsOf(root);
    const made = await install(root);
    expect(made).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('made the group hostd') });
    const all = groupsOf(root);
    expect(all).toEqual([...brought, `hostd:${stateGroup(root)}`]);
    expect(stateGroup(root)).not.toBe(1); // of `daemon`, which has a member
    expect(recordOf(join(root, 'opt/daemon/installed'))).toEqual(['group - hostd']);
    expect(await install(root)).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') });

    const kept = join(root, 'etc/daemon/installed');
    expect(await uninstall(root)).toMatchObject({ code: 0, stderr: '' });
    expect(groupsOf(root)).toEqual(all);
    expect(recordOf(kept)).toEqual(['group - hostd']);
    expect(await install(root)).toMatchObject({ code: 0, stderr: '' });
    expect(groupsOf(root)).toEqual(all);
    expect(existsSync(kept)).toBe(false);
    expect(recordOf(join(root, 'opt/daemon/installed'))).toEqual(['group - hostd']);

    // at once, and for whoever thinks of it later
    expect(await uninstall(root)).toMatchObject({ code: 0, stderr: '' });
    expect(await uninstall(root, '--purge')).toMatchObject({ code: 0, stderr: '' });
    expect(groupsOf(root)).toEqual(brought);
    expect(await install(root)).toMatchObject({ code: 0, stderr: '' });
    expect(await uninstall(root, '--purge')).toMatchObject({ code: 0, stderr: '' });
    expect(groupsOf(root)).toEqual(brought);
  },
  LONG_MS,
);

test.skipIf(!asRoot)(
  'does not come to a state folder that was there: what lets it in is said (needs root, to make a group)',
  async () => {
    const root = await image();
    mkdirSync(join(root, 'var/lib/daemon'));
    chownSync(join(root, 'var/lib/daemon'), 0, GROUP_ID);
    const { code, stdout } = await install(root);
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('stays of its group: chgrp -R hostd '),
    });
    expect(stateGroup(root)).toBe(GROUP_ID);
  },
  LONG_MS,
);

test.skipIf(!asRoot)(
  'is made under the name that was said (needs root, to make a group)',
  async () => {
    const root = await image();
    const brought = groupsOf(root);
    expect(await install(root, '--group', 'fleet')).toMatchObject({ code: 0, stderr: '' });
    expect(groupsOf(root)).toEqual([...brought, `fleet:${stateGroup(root)}`]);
    expect(await uninstall(root, '--purge')).toMatchObject({ code: 0, stderr: '' });
    expect(groupsOf(root)).toEqual(brought);
  },
  LONG_MS,
);

test('of the name that it would have had is taken only where it is named, and stays then', async () => {
  const root = await image();
  const file = join(root, 'etc/group');
  writeFileSync(file, `${readFileSync(file, 'utf8')}hostd:x:4712:joe\n`);
  const before = treeOf(root);
  const refused = await install(root);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain('there is a group hostd, which install.sh has not made: --group hostd lets');
  expect(treeOf(root)).toEqual(before);
  expect(await install(root, '--group', 'hostd')).toMatchObject({ code: 0, stderr: '' });
  expect(recordOf(join(root, 'opt/daemon/installed'))).toEqual(['group taken hostd']);
  if (asRoot) expect(stateGroup(root)).toBe(4712);
  expect(await install(root)).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') });
  expect(await uninstall(root, '--purge')).toMatchObject({ code: 0, stderr: '' });
  expect(treeOf(root)).toEqual(before);
});

test('that was named once needs not be named again, and is not changed by another name', async () => {
  const root = await image();
  expect(await install(root, '--group', GROUP)).toMatchObject({ code: 0, stderr: '' });
  const before = treeOf(root);
  expect(await install(root)).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') });
  expect(await install(root, '--group', 'daemon')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`it is installed with the group ${GROUP}: chgrp -R daemon `),
  });
  expect(treeOf(root)).toEqual(before);
  expect(await uninstall(root)).toMatchObject({ code: 0, stderr: '' });
  expect(await install(root)).toMatchObject({ code: 0, stderr: '' });
  expect(recordOf(join(root, 'opt/daemon/installed'))).toEqual([`group taken ${GROUP}`]);
  if (asRoot) expect(stateGroup(root)).toBe(GROUP_ID);
});
