/** The journal of an installation that was killed: what of it is undone later, and what is not any more. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { image, type Ran, SignedReleases, treeOf } from '../support/install-root.ts';
import { testFolder } from '../support/temp-folder.ts';

const JOURNAL = fileURLToPath(new URL('../../scripts/install/journal.sh', import.meta.url));
const LONG_MS = 240_000;

const line = (...fields: [string, string, string?, string?]): string =>
  `${[fields[0], fields[1], fields[2] ?? '-', fields[3] ?? '-', '.'].join('\t')}\n`;

describe('a line that was cut short', () => {
  /** What would be done to undo the journal: the calls of programs, none of which is made. */
  function undone(folder: string, journal: string): string[] {
    writeFileSync(join(folder, 'work/journal'), journal);
    const log = join(folder, 'calls');
    writeFileSync(log, '');
    const script = `set -eu
      root= prefix=${folder}/opt work=${folder}/work tmp=${folder}/tmp unit=daemon.service
      log() { echo "$*" >>${log}; }
      rm() { log rm "$@"; }
      rmdir() { log rmdir "$@"; }
      mv() { log mv "$@"; }
      ln() { log ln "$@"; }
      groupdel() { log groupdel "$@"; }
      systemctl() { log systemctl "$@"; }
      . ${JOURNAL}
      undo`;
    const { status, stderr } = spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return readFileSync(log, 'utf8')
      .split('\n')
      .filter((call) => call !== '' && call !== `rm -rf -- ${folder}/work` && call !== `rm -- ${folder}/tmp/undo`);
  }

  async function place(): Promise<string> {
    const folder = await testFolder('journal');
    for (const name of ['work', 'tmp', 'opt/releases', 'etc']) mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, 'etc/.unit.former'), 'former');
    symlinkSync('releases/2', join(folder, 'opt/current'));
    return folder;
  }

  test.each<[string, (folder: string) => string, RegExp]>([
    ['made', (folder) => line('made', `${folder}/opt/releases/1`), /^rm -rf -- .*\/opt\/releases\/1$/],
    ['saved', (folder) => line('saved', `${folder}/etc/unit`, `${folder}/etc/.unit.former`), /^mv .*former .*unit$/],
    [
      'linked',
      (folder) => line('linked', `${folder}/opt/current`, 'releases/1', 'releases/2'),
      /^mv .*\/opt\/current$/,
    ],
    ['linked at first', (folder) => line('linked', `${folder}/opt/current`, '-', 'releases/2'), /^rm -f .*\/current$/],
    ['folder', (folder) => line('folder', `${folder}/opt/releases`), /^rmdir .*\/opt\/releases$/],
    ['group', () => line('group', 'hostd'), /^groupdel hostd$/],
    ['service', () => line('service', 'daemon.service', 'enabled'), /^systemctl daemon-reload$/],
  ])('does nothing, at whichever byte: %s', async (_, of, whole) => {
    const folder = await place();
    const before = line('made', `${folder}/etc/mine`);
    const last = of(folder);
    const dot = last.length - 1; // with it the line is whole
    expect(undone(folder, before + last).join('\n')).toMatch(new RegExp(whole.source, 'm'));
    for (let length = 0; length < dot; length++) {
      const calls = undone(folder, before + last.slice(0, length));
      expect(calls, JSON.stringify(last.slice(0, length))).toEqual([`rm -rf -- ${folder}/etc/mine`]);
    }
  });

  test('nor does a whole one whose link leads elsewhere by now', async () => {
    const folder = await place();
    expect(undone(folder, line('linked', `${folder}/opt/current`, 'releases/2', 'releases/3'))).toEqual([]);
    symlinkSync('/somewhere/else', join(folder, 'etc/link'));
    expect(undone(folder, line('linked', `${folder}/etc/link`, '/before', '/after'))).toEqual([]);
    expect(undone(folder, line('linked', `${folder}/etc/none`, '-', '/after'))).toEqual([]);
  });

  test('with bytes after it that were never written', async () => {
    const folder = await place();
    expect(undone(folder, `made\t${folder}/op${'\0'.repeat(64)}\n`)).toEqual([]);
    expect(undone(folder, line('made', `${folder}/etc/a\t-`))).toEqual([]);
  });
});

describe('an installation that was killed after it had switched', () => {
  let releases: SignedReleases;
  let first: string;
  let second: string;
  let third: string;

  beforeAll(async () => {
    ({ releases, first, second } = await SignedReleases.two());
    third = releases.build('1.2.0');
  }, LONG_MS);
  afterAll(() => releases.remove());

  const install = (root: string, archive: string, env: Record<string, string> = {}): Promise<Ran> =>
    releases.install(root, archive, { env });

  /** From what is there to the archive; ended by SIGKILL when all but the end of the journal is done. */
  async function killedLate(root: string, archive: string): Promise<void> {
    const folder = await testFolder('killing');
    const script = `#!/bin/sh
      case "$*" in *.install/journal*.install/done) kill -s KILL $PPID ;; *) exec ${programs.mv} "$@" ;; esac`;
    writeFileSync(join(folder, 'mv'), script, { mode: 0o755 });
    const killed = await install(root, archive, { PATH: `${folder}:${process.env['PATH']}`, TMPDIR: folder });
    expect(killed.code).toBe(null);
    expect(existsSync(join(root, 'opt/daemon/.install/journal'))).toBe(true);
  }

  const programs = { mv: spawnSync('sh', ['-c', 'command -v mv'], { encoding: 'utf8' }).stdout.trim() };
  const current = (root: string): string | undefined => treeOf(join(root, 'opt/daemon'))['current'];

  /** As a daemon does it that updates itself. */
  function switchTo(root: string, version: string, from?: string): void {
    const daemon = join(root, 'opt/daemon');
    if (from) {
      cpSync(join(from, 'opt/daemon/releases', version), join(daemon, 'releases', version), { recursive: true });
    }
    rmSync(join(daemon, 'current'));
    symlinkSync(`releases/${version}`, join(daemon, 'current'));
  }

  test(
    'is undone where nothing has happened since',
    async () => {
      const root = await image();
      expect(await install(root, first)).toMatchObject({ code: 0 });
      const before = treeOf(root);
      await killedLate(root, second);
      expect(current(root)).toBe('→ releases/1.1.0');
      expect(await install(root, first)).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') });
      expect(treeOf(root)).toEqual(before);
    },
    LONG_MS,
  );

  test.each([
    ['an upgrade', true],
    ['the first one', false],
  ])(
    'stands where the daemon has updated itself since: %s',
    async (_, upgrade) => {
      const other = await image();
      expect(await install(other, third)).toMatchObject({ code: 0 });
      const root = await image();
      if (upgrade) expect(await install(root, first)).toMatchObject({ code: 0 });
      await killedLate(root, second);
      switchTo(root, '1.2.0', other);
      const { 'opt/daemon/.install': _work, ...before } = treeOf(root);
      // lower than what is really there
      expect(await install(root, second)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('1.1.0 is lower than 1.2.0, which is installed'),
      });
      const after = treeOf(root);
      expect(after).toEqual(
        Object.fromEntries(Object.entries(before).filter(([path]) => !/\.install|\.former/.test(path))),
      );
      expect(current(root)).toBe('→ releases/1.2.0');
      expect(readdirSync(join(root, 'opt/daemon/releases'))).toContain('1.1.0'); // to go back to
      expect(await install(root, third)).toMatchObject({ code: 0, stderr: '' });
    },
    LONG_MS,
  );

  test(
    'keeps the release that the daemon has switched to since by itself',
    async () => {
      const root = await image();
      expect(await install(root, first)).toMatchObject({ code: 0 });
      await killedLate(root, second);
      // killed before it had switched
      const journal = join(root, 'opt/daemon/.install/journal');
      const lines = readFileSync(journal, 'utf8').split('\n');
      writeFileSync(journal, lines.filter((one) => !one.includes('daemon/current')).join('\n'));
      switchTo(root, '1.1.0');
      expect(await install(root, first)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('1.0.0 is lower than 1.1.0, which is installed'),
      });
      expect(current(root)).toBe('→ releases/1.1.0');
      expect(existsSync(join(root, 'opt/daemon/current/bin/daemon'))).toBe(true);
    },
    LONG_MS,
  );
});

test('waits for the volumes that were written to, and no other', async () => {
  const releases = await SignedReleases.make();
  try {
    const archive = releases.build('1.0.0');
    const folder = await testFolder('sync');
    const log = join(folder, 'log');
    const run = async (help: string): Promise<string[]> => {
      writeFileSync(log, '');
      const script = `#!/bin/sh\nif [ "$1" = --help ]; then echo '${help}'; else echo "$*" >>${log}; fi\n`;
      writeFileSync(join(folder, 'sync'), script, { mode: 0o755 });
      const env = { PATH: `${folder}:${process.env['PATH']}` };
      const root = await image();
      expect(await releases.install(root, archive, { env })).toMatchObject({ code: 0, stderr: '' });
      return readFileSync(log, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((call) => call.replaceAll(root, ''));
    };
    const calls = await run('-f, --file-system');
    expect(calls).toEqual(calls.filter((call) => /^-f -- \/(etc|opt|usr|var)(\/|$)/.test(call)));
    for (const path of ['/opt/daemon', '/opt/daemon/releases', '/etc/daemon', '/usr/local/bin', '/var/lib']) {
      expect(calls).toContain(`-f -- ${path}`);
    }
    expect(await run('Usage: sync')).toEqual(['']);
  } finally {
    await releases.remove();
  }
}, 240_000);
