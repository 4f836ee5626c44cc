import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Candidates, candidates } from '../../../../src/ctl/completion/candidates.ts';
import { SCRIPTS } from '../../../../src/ctl/completion/scripts.ts';
import { createProgram } from '../../../../src/ctl/program.ts';
import { Child } from '../../../support/processes.ts';
import { temporaryFolder, testFolder } from '../../../support/temp-folder.ts';
import { FakeDaemon } from '../fake-daemon.ts';
import { hostHandlers } from '../host-views.ts';
import { type BuiltProgram, buildProgram, socketIn } from '../run.ts';

const complete = (...words: string[]): Candidates => candidates(createProgram(), words);

describe('what may come next', () => {
  test('every verb that is there, hidden ones left out', () => {
    const verbs = createProgram()
      .commands.map((verb) => verb.name())
      .filter((name) => name !== '__complete');
    expect(complete('').words).toEqual(verbs);
    expect(verbs).toContain('support-bundle');
  });

  test.each<[string[], string[]]>([
    [['re'], ['restart', 'reload']],
    [
      ['config', ''],
      ['check', 'show'],
    ],
    [['config', 'show', '--o'], ['--origins']],
    [['events', '--f'], ['--follow']],
    [
      ['completion', ''],
      ['bash', 'zsh'],
    ],
    [
      ['keygen', '--type', 'e'],
      ['ed25519', 'ecdsa'],
    ],
    [
      ['keygen', '--type', 'rsa', '--bits', ''],
      ['3072', '4096'],
    ],
    [['logs', 'd'], ['daemon']],
    [['status', ''], []],
    [['nonsense', ''], []],
  ])('%j', (words, expected) => {
    expect(complete(...words).words).toEqual(expected);
  });

  test.each<[string[], Partial<Candidates>]>([
    [['logs', ''], { agents: true, files: false }],
    [['restart', 'one', ''], { agents: true }],
    [['health', 'one', ''], { agents: false }],
    [['logs', '-f', ''], { agents: true }],
    [['logs', '-n', '5', ''], { agents: true }],
    [['logs', '-n', ''], { agents: false, words: [] }],
    [['config', 'check', ''], { agents: false, files: true }],
    [['status', '--socket', ''], { files: true }],
    [['sign', ''], { files: true }],
    [['logs', '--socket', '/a/b', ''], { agents: true, reach: { socket: '/a/b' } }],
    [['logs', '--config', '/c', 'x'], { agents: true, reach: { config: '/c' } }],
    [['update', ''], { agents: true, words: ['daemon'] }],
  ])('%j: %j', (words, expected) => {
    expect(complete(...words)).toMatchObject(expected);
  });

  test('each option of each verb', () => {
    const program = createProgram();
    for (const verb of program.commands) {
      const longs = verb.options.flatMap(({ long }) => long ?? []);
      expect(complete(verb.name(), '-').words).toEqual([...longs, '--help']);
    }
  });
});

describe('in a real bash', () => {
  let program: BuiltProgram;
  let bin: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeAll(async () => {
    program = await buildProgram();
    bin = await temporaryFolder('completion');
    writeFileSync(join(bin.path, 'daemonctl'), `#!/bin/sh\nexec '${process.execPath}' '${program.path}' "$@"\n`, {
      mode: 0o755,
    });
    writeFileSync(join(bin.path, 'completion.bash'), SCRIPTS.bash);
  });
  afterAll(async () => {
    await program.remove();
    await bin.remove();
  });

  /** What TAB gives behind these words. */
  async function tab(cwd: string, ...words: string[]): Promise<string[]> {
    const script = `source '${bin.path}/completion.bash'
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _daemonctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const args = ['-c', script, 'bash', join(bin.path, 'daemonctl'), ...words];
    const child = new Child(args, { program: '/bin/bash', cwd });
    await child.ended();
    expect(child.stderr).toEqual([]);
    return child.stdout.filter((line) => line !== '');
  }

  test('verbs, files with blanks in their names, and ids that the daemon knows', async () => {
    const folder = await testFolder('completion');
    mkdirSync(join(folder, 'conf'));
    writeFileSync(join(folder, 'conf', 'my daemon.yaml'), '');
    symlinkSync('my daemon.yaml', join(folder, 'conf', 'other.yaml'));
    const daemon = await FakeDaemon.listen(socketIn(folder), hostHandlers());
    try {
      expect(await tab(folder, 'sta')).toEqual(['status', 'start']);
      expect(await tab(folder, 'config', 'check', 'conf/')).toEqual(['conf/my daemon.yaml', 'conf/other.yaml']);
      expect(await tab(folder, 'stop', '--socket', daemon.path, '')).toEqual(['telegraf', 'filebeat']);
      expect(await tab(folder, 'stop', '--socket', daemon.path, 'telegraf', '')).toEqual(['filebeat']);
    } finally {
      await daemon.goAway();
    }
  });

  test('nothing, soon and silently, where the daemon is down or hangs', async () => {
    const folder = await testFolder('completion');
    expect(await tab(folder, 'stop', '--socket', join(folder, 'none'), '')).toEqual([]);
    const daemon = await FakeDaemon.listen(socketIn(folder), { agents: () => new Promise(() => {}) });
    try {
      expect(await tab(folder, 'stop', '--socket', daemon.path, '')).toEqual([]);
    } finally {
      await daemon.goAway();
    }
  });

  test('the scripts are well-formed', async () => {
    for (const shell of ['bash', 'zsh'] as const) {
      expect((await program.run(['completion', shell])).out).toBe(SCRIPTS[shell]);
      const checked = spawnSync(shell, ['-n'], { input: SCRIPTS[shell], encoding: 'utf8' });
      // a shell that is not there cannot be asked
      if (!checked.error) expect(checked).toMatchObject({ status: 0, stderr: '' });
    }
  });
});
