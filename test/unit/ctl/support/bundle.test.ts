/** `daemonctl support-bundle`: what is in it, and above all what is not. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { writeArchive } from '../../../../src/ctl/support/archive.ts';
import { readTail } from '../../../../src/ctl/support/log-tail.ts';
import { Child } from '../../../support/processes.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';
import { FakeDaemon } from '../fake-daemon.ts';
import { agentView, eventsOf, hostHandlers, recordedEvent, statusView } from '../host-views.ts';
import { type BuiltProgram, buildProgram, socketIn } from '../run.ts';

/** None of these may leave the host, wherever it was put. */
const PLANTED = {
  envPlain: 'planted-env-plain-71',
  envPassword: 'plantedEnvPassword72',
  argAfterFlag: 'planted-arg-73',
  argInFlag: 'planted-arg-74',
  urlPassword: 'planted-url-75',
  queryToken: 'planted-query-76',
  logPassword: 'planted-log-77',
  header: 'planted-header-78',
  passphrase: 'planted-passphrase-79',
  proxy: 'planted-proxy-80',
  keyBody: 'MIIEvplantedkeybody81',
  jsonSecret: 'planted-json-82',
};
const KEY = `-----BEGIN PRIVATE KEY-----\n${PLANTED.keyBody}\n-----END PRIVATE KEY-----`;

let program: BuiltProgram;
let folder: string;
let configFile: string;
let workDir: string;

beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());
beforeEach(async () => {
  folder = await testFolder('support');
  workDir = join(folder, 'work');
  configFile = join(folder, 'daemon.yaml');
  mkdirSync(join(workDir, 'logs'), { recursive: true });
  writeFileSync(join(folder, 'passphrase'), `${PLANTED.passphrase}\n`, { mode: 0o600 });
  writeFileSync(join(folder, 'client.key'), KEY, { mode: 0o600 });
  writeFileSync(
    configFile,
    `daemon:
  work_dir: ${workDir}
  log_file: ${folder}/daemon.log
  pid_file: ${folder}/daemon.pid
  grpc_port: 0
manager:
  address: 127.0.0.1:1
  proxy: http://u:${PLANTED.proxy}@127.0.0.1:1
  tls: {cert_file: ${folder}/client.crt, key_file: ${folder}/client.key, key_passphrase_file: ${folder}/passphrase, ca_file: ${folder}/ca.crt}
agents:
  - id: telegraf
    type: custom
    binary_path: /bin/true
    args: [--password, ${PLANTED.argAfterFlag}, '--auth-token=${PLANTED.argInFlag}', 'pg://u:${PLANTED.urlPassword}@h/d']
    env: {PLAIN: ${PLANTED.envPlain}, DB_PASSWORD: ${PLANTED.envPassword}}
`,
  );
});

const LINES = [
  `connecting with ${PLANTED.envPlain} and ${PLANTED.argAfterFlag}`,
  `password=${PLANTED.logPassword} GET https://u:${PLANTED.urlPassword}@h/x?token=${PLANTED.queryToken}`,
  `Authorization: Bearer ${PLANTED.header}`,
  ...KEY.split('\n'),
  JSON.stringify({ msg: 'sent', secret: PLANTED.jsonSecret, passphrase: PLANTED.passphrase }),
  'an innocent line',
];

/** The files of the archive by their names, the folder left out. */
function unpacked(file: string): Map<string, string> {
  const into = `${file}.d`;
  mkdirSync(into);
  execFileSync('tar', ['xzf', file, '-C', into, '--strip-components=1']);
  const names = readdirSync(into, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(into, name)).isFile(),
  );
  return new Map(names.map((name) => [name, readFileSync(join(into, name), 'utf8')]));
}

function expectNothingPlanted(files: ReadonlyMap<string, string>): void {
  for (const [name, text] of files) {
    for (const [what, secret] of Object.entries(PLANTED))
      expect(text.includes(secret), `${what} in ${name}`).toBe(false);
  }
}

test('with the daemon: everything of it, no secret, mode 0600, a manifest', async () => {
  const daemon = await FakeDaemon.listen(socketIn(workDir), {
    ...hostHandlers({ status: async () => statusView({ pid: process.pid, configFile }) }),
    agents: async () => [agentView('telegraf', { reason: LINES[1] ?? '' })],
    health: async () => ({
      pid: 1,
      checks: [{ check: 'http', state: 'failing', reason: LINES[1] ?? '', sinceMs: 0, failures: 1 }],
    }),
    link: async () => ({ reason: LINES[2] }) as never,
    events: eventsOf([recordedEvent(1, { message: LINES[0] ?? '', details: { lastLines: LINES.join('\n') } })]),
    updateStatus: async () => ({ underWay: [], results: [], refused: [] }),
    config: async () => ({
      effective: {
        agents: [{ id: 'telegraf', args: ['--password', PLANTED.argAfterFlag], env: { PLAIN: PLANTED.envPlain } }],
      },
      origins: [],
    }),
    logs: async ({ lines }) => ({ lines: [...LINES, `asked for ${lines}`], cursor: '', more: false }),
  });
  const file = join(folder, 'out.tar.gz');
  try {
    const { code, out, err } = await program.run(['support-bundle', '-o', file, '--config', configFile]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(
      /out\.tar\.gz {2}[\d.]+ KiB, 16 parts, \d+ secrets removed\nLook at its MANIFEST before you hand it on\.\n$/,
    );
  } finally {
    await daemon.goAway();
  }
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const files = unpacked(file);
  expectNothingPlanted(files);
  expect([...files.keys()].toSorted()).toEqual(
    [
      ...[
        'MANIFEST',
        'version.json',
        'status.json',
        'agents.json',
        'health/telegraf.json',
        'link.json',
        'updates.json',
      ],
      ...['metrics.json', 'events.jsonl', 'config.yaml', 'doctor.txt', 'logs/daemon.log', 'logs/agents/telegraf.log'],
      ...['os.json', 'proc/status', 'proc/smaps_rollup', 'proc/limits'],
    ].toSorted(),
  );
  const log = files.get('logs/agents/telegraf.log') ?? '';
  expect(log).toContain('connecting with [removed] and [removed]\n');
  expect(log).toContain('an innocent line\nasked for 2000\n');
  expect(files.get('config.yaml')).toMatch(/^# in force\n[\s\S]*PLAIN: "?\[removed\]/);
  const manifest = files.get('MANIFEST') ?? '';
  expect(manifest).toMatch(/ {2}logs\/agents\/telegraf\.log +\d+ bytes, \d+ secrets removed\n/);
  expect(manifest).toMatch(/Not to be had\n {2}nothing\n/);
  expect(manifest).toMatch(/ {2}values of the configuration: \d+\n/);
  expect(manifest).toMatch(/ {2}private keys: \d+\n/);
});

test('with the daemon down: what the host itself has, and what is missing is told', async () => {
  writeFileSync(join(folder, 'daemon.log'), `${LINES.join('\n')}\n`);
  writeFileSync(join(workDir, 'logs/telegraf.log'), `${LINES.join('\n')}\n`);
  const { code, out, err } = await program.run(['support-bundle', '--config', configFile, '--json'], { cwd: folder });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const { file, missing, present, valuesUnknown } = JSON.parse(out);
  expect(valuesUnknown).toBe('');
  expect(missing.map(({ name }: { name: string }) => name)).toContain('status.json');
  expect(present.map(({ name }: { name: string }) => name)).toContain('logs/daemon.log');
  const files = unpacked(file);
  expectNothingPlanted(files);
  expect(files.get('config.yaml')).toContain(`# of ${configFile}: the daemon did not answer\n`);
  expect(files.get('logs/daemon.log')).toContain('an innocent line\n');
  expect(files.get('MANIFEST')).toMatch(/ {2}proc\/limits +no daemon runs\n/);
});

test('--socket alone: the configuration is the one that the daemon there has', async () => {
  const socket = join(folder, 'elsewhere.sock');
  const daemon = await FakeDaemon.listen(socket, {
    ...hostHandlers({ status: async () => statusView({ pid: process.pid, configFile }) }),
    agents: async () => [agentView('telegraf')],
    logs: async () => ({ lines: LINES, cursor: '', more: false }),
  });
  const file = join(folder, 'out.tar.gz');
  try {
    const { code, out } = await program.run(['support-bundle', '-o', file, '--socket', socket]);
    expect(code).toBe(0);
    expect(out).not.toContain('by their values');
  } finally {
    await daemon.goAway();
  }
  const files = unpacked(file);
  expectNothingPlanted(files);
  expect(files.get('doctor.txt')).toMatch(new RegExp(`^ok +configuration +${configFile}: is valid$`, 'm'));
  expect(files.get('MANIFEST')).toContain('  by value: wherever they stand');
});

describe('values that are not known are told, on standard output and in the manifest', () => {
  async function expectTold(why: string, ...args: string[]): Promise<void> {
    const file = join(folder, 'out.tar.gz');
    const { code, out } = await program.run(['support-bundle', '-o', file, ...args]);
    expect(code).toBe(0);
    expect(out).toMatch(/^Secrets were removed by their form only, not by their values: .*\.$/m);
    expect(out).toContain(why);
    const manifest = unpacked(file).get('MANIFEST');
    expect(manifest).toMatch(/^ {2}NOT by their values: .*$/m);
    expect(manifest).toContain(why);
  }
  async function withDaemon(has: string, ask: (socket: string) => Promise<void>): Promise<void> {
    const status = async () => statusView({ pid: process.pid, configFile: has });
    const daemon = await FakeDaemon.listen(socketIn(workDir), hostHandlers({ status }));
    try {
      await ask(daemon.path);
    } finally {
      await daemon.goAway();
    }
  }

  test('a file that is not there', async () => {
    const none = join(folder, 'none.yaml');
    const why = `the configuration ${none} cannot be read, or is invalid`;
    await expectTold(why, '--config', none, '--socket', join(folder, 'none'));
  });

  test('the daemon runs on, and its file has become invalid', async () => {
    writeFileSync(configFile, 'manager:\n  adress: m:9090\n');
    await withDaemon(configFile, (socket) =>
      expectTold(`the configuration ${configFile} cannot be read, or is invalid`, '--socket', socket),
    );
  });

  test('the daemon has another file than the one that is named', async () => {
    await withDaemon('/other/daemon.yaml', () =>
      expectTold(`the daemon has the configuration /other/daemon.yaml, not ${configFile}`, ...['--config', configFile]),
    );
  });

  test('--socket alone, and nobody answers there: the usual file need not be that daemon’s', async () => {
    await expectTold('/etc/daemon/daemon.yaml', '--socket', join(folder, 'none'));
  });
});

describe('whole, or not there', () => {
  const leftIn = (path: string): string[] => readdirSync(path).filter((name) => name.includes('out.tar.gz'));

  test('what is there already is not overwritten', async () => {
    const file = join(folder, 'out.tar.gz');
    writeFileSync(file, 'mine');
    const { code, err } = await program.run(['support-bundle', '-o', file, '--config', configFile]);
    expect({ code, content: readFileSync(file, 'utf8'), left: leftIn(folder) }).toEqual({
      code: 1,
      content: 'mine',
      left: ['out.tar.gz'],
    });
    expect(err).toMatch(/^daemonctl: the bundle .* cannot be written; nothing that is there is overwritten: EEXIST/);
  });

  test('a folder that is not there', async () => {
    const { code, err } = await program.run([
      'support-bundle',
      '-o',
      join(folder, 'none/out.tar.gz'),
      '--config',
      configFile,
    ]);
    expect(code).toBe(1);
    expect(err).toContain('ENOENT');
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('ended by %s while a part is being made', async (signal) => {
    let asked = false;
    const daemon = await FakeDaemon.listen(socketIn(workDir), {
      ...hostHandlers(),
      link: () => {
        asked = true;
        return new Promise(() => {});
      },
    });
    try {
      const child = new Child([
        program.path,
        'support-bundle',
        '-o',
        join(folder, 'out.tar.gz'),
        '--config',
        configFile,
      ]);
      await waitFor(() => asked, { what: 'the part that hangs' });
      expect(leftIn(folder)).toHaveLength(1);
      child.signal(signal);
      expect((await child.ended()).code).toBe(128 + constants.signals[signal]);
      expect(child.stderr.join('\n')).toContain(`ended by ${signal}`);
      expect(leftIn(folder)).toEqual([]);
    } finally {
      await daemon.goAway();
    }
  });

  test('an entry that fails leaves nothing', async () => {
    async function* entries() {
      yield { name: 'a', text: 'x'.repeat(100_000) };
      throw new Error('no more');
    }
    const writing = writeArchive(join(folder, 'out.tar.gz'), entries(), 0, new AbortController().signal);
    await expect(writing).rejects.toThrow('cannot be written');
    expect(leftIn(folder)).toEqual([]);
  });
});

test('the end of a large log: its last lines, none of them cut', async () => {
  const path = join(folder, 'large.log');
  writeFileSync(path, Array.from({ length: 200_000 }, (_, n) => `line ${n} ${'x'.repeat(40)}\n`).join(''));
  const lines = (await readTail(path)).trimEnd().split('\n');
  expect(lines).toHaveLength(2000);
  expect([lines[0], lines.at(-1)].map((line) => line?.slice(0, 11))).toEqual(['line 198000', 'line 199999']);
});
