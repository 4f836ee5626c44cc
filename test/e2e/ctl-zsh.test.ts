/** Completion as somebody who presses TAB in a zsh sees it: a terminal is what zsh has to have for that. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SCRIPTS } from '../../src/ctl/completion/scripts.ts';
import { testFolder } from '../support/temp-folder.ts';
import { FakeDaemon } from '../unit/ctl/fake-daemon.ts';
import { hostHandlers } from '../unit/ctl/host-views.ts';
import { type BuiltProgram, buildProgram } from '../unit/ctl/run.ts';
import { HAS_TMUX, TmuxTerminal } from './ctl-terminal.ts';

const HAS_ZSH = spawnSync('zsh', ['--version']).error === undefined;

describe.skipIf(!HAS_TMUX || !HAS_ZSH)('in a zsh (skipped where tmux or zsh are missing)', () => {
  let program: BuiltProgram;
  let folder: string;
  let daemon: FakeDaemon;
  let terminal: TmuxTerminal | null;
  let lines = 0;

  beforeAll(async () => {
    program = await buildProgram();
  });
  afterAll(() => program.remove());
  beforeEach(async () => {
    terminal = null;
    folder = await testFolder('zsh');
    daemon = await FakeDaemon.listen(join(folder, 'c.sock'), hostHandlers());
    const node = process.execPath;
    writeFileSync(join(folder, 'daemonctl'), `#!/bin/sh\nexec '${node}' '${program.path}' "$@"\n`, { mode: 0o755 });
    mkdirSync(join(folder, 'functions'));
    writeFileSync(join(folder, 'functions/_daemonctl'), SCRIPTS.zsh);
    writeFileSync(join(folder, 'completion.zsh'), SCRIPTS.zsh);
    mkdirSync(join(folder, 'conf'));
    writeFileSync(join(folder, 'conf/my daemon.yaml'), '');
  });
  afterEach(async () => {
    await terminal?.close();
    await daemon?.goAway();
  });

  /** `load`: how the completion gets into it. */
  async function open(load: string): Promise<TmuxTerminal> {
    terminal = await TmuxTerminal.open(folder, 100, 24);
    // it asks nothing about a user without settings, and no folder of this host's is looked through
    await terminal.type(`cd '${folder}'; exec env PATH="$PWD:$PATH" PS1='$ ' zsh -f -i`);
    await terminal.type(`autoload -Uz compinit; ${load}; bindkey '^I' complete-word; clear; echo ready`);
    await terminal.shows(/^ready\n\$$/m, 'the shell');
    return terminal;
  }

  /** The line that TAB makes of this one, or what it shows below it. */
  async function tab(shell: TmuxTerminal, line: string, shows: RegExp): Promise<void> {
    await shell.press('-l', line);
    await shell.press('Tab');
    expect(await shell.shows(shows, `what comes of ${line}`)).not.toMatch(/not found|error/i);
    await shell.press('C-c');
    await shell.type(`clear; echo line ${++lines}`);
    await shell.shows(new RegExp(`^line ${lines}\\n\\$$`, 'm'), 'the next line');
  }

  test.each([
    ['found by zsh among its functions', 'fpath=("$PWD/functions" $fpath); compinit -u -D'],
    ['read into the shell', 'compinit -u -D; source completion.zsh'],
  ])('verbs, files and ids that the daemon knows: %s', async (_, load) => {
    const shell = await open(load);
    await tab(shell, 'daemonctl stat', /^\$ daemonctl status$/m);
    await tab(shell, 'daemonctl sta', /^\$ daemonctl sta\n(start +status|status +start)$/m);
    await tab(shell, 'daemonctl config check conf/m', /^\$ daemonctl config check conf\/my\\ daemon\.yaml$/m);
    await tab(shell, `daemonctl stop --socket c.sock t`, /^\$ daemonctl stop --socket c\.sock telegraf$/m);
    await tab(shell, `daemonctl stop --socket c.sock telegraf f`, /telegraf filebeat$/m);
  });
});
