/** The shell scripts: what shellcheck says of all of them, and that every sh of Linux can read those of a host. */
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { testFolder } from '../support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Paths from the checkout's root. */
function scriptsIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.sh'))
    .map((name) => join(folder, name))
    .sort();
}

const SCRIPTS = scriptsIn('scripts');
/** bash alone runs them: in CI, and in the virtual machines. */
const FOR_BASH = ['.ci/run', ...scriptsIn('test/systemd/guest')];

const there = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;

/** install.sh in one piece, as a release has it. */
async function installer(): Promise<string> {
  const module = pathToFileURL(join(ROOT, 'scripts/release/installer.mjs')).href;
  const { installerText } = (await import(module)) as { installerText(): string };
  const path = join(await testFolder('installer'), 'install.sh');
  writeFileSync(path, installerText());
  return path;
}

test('there are those that a host gets, and those of the machines', () => {
  expect(SCRIPTS).toEqual(
    expect.arrayContaining(['install', 'launcher', 'uninstall', 'update'].map((name) => `scripts/${name}.sh`)),
  );
  expect(FOR_BASH).toContain('test/systemd/guest/common.sh');
});

test.skipIf(!there('shellcheck'))('shellcheck finds nothing (needs shellcheck)', async () => {
  const paths = [...SCRIPTS, ...FOR_BASH, await installer()];
  const { status, stdout, stderr } = spawnSync('shellcheck', ['-x', ...paths], { cwd: ROOT, encoding: 'utf8' });
  expect({ stdout, stderr, status }).toEqual({ stdout: '', stderr: '', status: 0 });
});

test.skipIf(!there('bash'))('bash can read its own', () => {
  for (const path of FOR_BASH) {
    expect(spawnSync('bash', ['-n', path], { cwd: ROOT, encoding: 'utf8' })).toMatchObject({ stderr: '', status: 0 });
  }
});

test.each(['dash', 'bash', 'busybox'].filter(there))('%s can read them', async (shell) => {
  for (const path of [...SCRIPTS, await installer()]) {
    const args = [...(shell === 'busybox' ? ['sh'] : []), '-n', path];
    expect(spawnSync(shell, args, { cwd: ROOT, encoding: 'utf8' })).toMatchObject({ stderr: '', status: 0 });
  }
});
