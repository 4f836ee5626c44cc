import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { HALT_VARIABLE } from '../../../../src/main/update/journal.ts';
import type { ServiceControl } from '../../../../src/main/update/journal-format.ts';
import { type HelperStart, startHelper } from '../../../../src/main/update/start-helper.ts';
import { readStat } from '../../../../src/shared/platform/proc.ts';
import { daemonJournal } from '../../../fakes/daemon-journal.ts';
import { expectNoProcessWith } from '../../../support/processes.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';

let folder: string;
let start: HelperStart;

beforeEach(async () => {
  // what no shell may see
  folder = join(await testFolder(), "a $HOME folder; with 'quotes'");
  for (const name of ['bin', 'lib', 'updates']) mkdirSync(join(folder, name), { recursive: true });
  const environment = {
    PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
    HOME: '/root',
    LANG: 'C',
    [HALT_VARIABLE]: 'daemon:proving',
    NODE_CHANNEL_FD: '3',
    OTHER: 'x y',
    ABSENT: undefined,
  };
  start = { bundles: join(folder, 'lib'), folder: join(folder, 'updates'), environment };
});

const SERVICE: ServiceControl = { kind: 'systemd', unit: 'daemon.service', user: false };

describe('under systemd', () => {
  /** A systemd-run that writes its arguments down, one a line, and ends with the code. */
  function fake(code = 0): void {
    const path = join(folder, 'bin/systemd-run');
    writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' "$@" >"${'$'}{0%/bin/*}/arguments"\nexit ${code}\n`);
    chmodSync(path, 0o755);
  }
  const given = (): string[] => readFileSync(join(folder, 'arguments'), 'utf8').split('\n').slice(0, -1);

  test('a transient unit of its own is asked for, restarted when it fails', async () => {
    fake();
    await startHelper(daemonJournal({ service: SERVICE, id: 'abc' }), start);
    const escaped = (path: string): string => path.replaceAll('$', '$$$$');
    expect(given()).toEqual([
      '--quiet',
      '--collect',
      '--unit=daemon-update-abc-0',
      '--description=Hand-over of the host daemon to another version',
      '--property=Restart=on-failure',
      '--property=RestartSec=1',
      `--setenv=PATH=${start.environment['PATH']}`,
      '--setenv=HOME=/root',
      '--setenv=LANG=C',
      `--setenv=${HALT_VARIABLE}=daemon:proving`,
      '--',
      process.execPath,
      escaped(join(start.bundles, 'handover.js')),
      escaped(start.folder),
    ]);
  });

  test("of the user's manager where that runs the daemon; a later one with a name of its own and no halt", async () => {
    fake();
    await startHelper(daemonJournal({ service: { ...SERVICE, user: true }, id: 'abc', helpers: 2 }), start);
    expect(given()[0]).toBe('--user');
    expect(given()).toContain('--unit=daemon-update-abc-2');
    expect(given().join()).not.toContain(HALT_VARIABLE);
  });

  test.each<[string, () => void]>([
    ['refuses', () => fake(1)],
    ['is not there', () => (start = { ...start, environment: { PATH: join(folder, 'bin') } })],
  ])('D4003 where systemd-run %s', async (_, arrange) => {
    arrange();
    await expect(startHelper(daemonJournal({ service: SERVICE }), start)).rejects.toMatchObject({ code: 'D4003' });
  });
});

describe('elsewhere', () => {
  const HELPER = `
    const { writeFileSync } = require('node:fs');
    console.log('to the log');
    const { pid, env, argv } = process;
    writeFileSync(argv[2] + '/told', JSON.stringify({ pid, env, argv: argv.slice(2), cwd: process.cwd() }));
    setInterval(() => {}, 1000);`;

  test.each([
    [0, 'daemon:proving'],
    [1, undefined],
  ])(
    'a process in a session of its own, helper %i, with all of the environment that it can use',
    async (helpers, halt) => {
      writeFileSync(join(start.bundles, 'handover.js'), HELPER);
      const descriptors = readdirSync('/proc/self/fd').length;
      await startHelper(daemonJournal({ helpers }), start);
      expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(descriptors);
      const told = await waitFor(
        () => {
          const path = join(start.folder, 'told');
          return existsSync(path) && JSON.parse(readFileSync(path, 'utf8'));
        },
        { what: 'the helper', timeoutMs: 30_000 },
      );
      try {
        expect(told).toMatchObject({ argv: [start.folder], cwd: '/' });
        expect(readStat(told.pid)?.sessionId).toBe(told.pid);
        const { PATH, HOME, LANG, OTHER } = start.environment;
        expect(told.env).toMatchObject({ PATH, HOME, LANG, OTHER });
        expect(told.env[HALT_VARIABLE]).toBe(halt);
        expect(told.env).not.toHaveProperty('NODE_CHANNEL_FD');
        expect(told.env).not.toHaveProperty('ABSENT');
        expect(readFileSync(join(start.folder, 'handover.log'), 'utf8')).toBe('to the log\n');
      } finally {
        process.kill(told.pid, 'SIGKILL');
      }
      await expectNoProcessWith(folder);
    },
  );

  test('D4003 where it cannot be started', async () => {
    const nowhere = { ...start, folder: join(folder, 'none') };
    await expect(startHelper(daemonJournal(), nowhere)).rejects.toMatchObject({ code: 'D4003' });
  });
});
