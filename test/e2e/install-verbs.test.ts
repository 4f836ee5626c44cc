/** Each verb of daemonctl, as it was installed, asked of the daemon that runs from there. */
import { cpSync, existsSync, mkdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createProgram } from '../../src/ctl/program.ts';
import { image, SignedReleases } from '../support/install-root.ts';
import { runInstalled } from '../support/installed-daemon.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { Child } from '../support/processes.ts';
import { waitFor } from '../support/wait-until.ts';

const LONG_MS = 120_000;

let releases: SignedReleases;
let first: string;
let second: string;

beforeAll(async () => {
  ({ releases, first, second } = await SignedReleases.two());
}, LONG_MS);
afterAll(() => releases.remove());

/** `code`: 0 unless given. `what`: to be found in what it says. */
interface Answer {
  code?: number;
  what: RegExp;
}

test(
  'every verb that there is',
  async () => {
    const root = await image();
    expect(await releases.install(root, first)).toMatchObject({ code: 0, stderr: '' });
    const manager = await ManagerProcess.start();
    onTestFinished(async () => {
      await manager.stop();
    });
    const certs = join(root, 'etc/daemon/certs');
    mkdirSync(certs, { recursive: true });
    for (const name of ['client.crt', 'client.key', 'ca.crt']) cpSync(join(manager.tlsFolder, name), join(certs, name));
    const pem = (name: string): string => join(certs, name);
    const { agents } = await runInstalled(root, {
      manager: {
        address: `127.0.0.1:${manager.port}`,
        tls: { cert_file: pem('client.crt'), key_file: pem('client.key'), ca_file: pem('ca.crt') },
      },
    });
    await manager.event('registered');

    const current = join(root, 'opt/daemon/current');
    const config = join(root, 'etc/daemon/daemon.yaml');
    const asked = new Set<string>();
    const run = async (verb: string, words: readonly string[], { code = 0, what }: Answer): Promise<void> => {
      asked.add(verb);
      const child = new Child([verb, ...words], { program: join(current, 'bin/daemonctl') });
      const exit = await child.exited;
      await waitFor(() => what.test([...child.stdout, ...child.stderr].join('\n')), {
        what: `${what} of ${verb} ${words.join(' ')}, which ended with ${exit.code} and\n${child.stderr.join('\n')}`,
      });
      expect({ verb, ...exit }).toEqual({ verb, code, signal: null });
    };
    /** Of the running daemon. */
    const ask = (verb: string, words: readonly string[], answer: Answer): Promise<void> =>
      run(verb, [...words, '--config', config], answer);

    await ask('status', [], { what: /^Manager link +connected/m });
    await ask('link', [], { what: new RegExp(`127\\.0\\.0\\.1:${manager.port}`) });
    await ask('agents', [], { what: /^one +\w+/m });
    await ask('stop', ['one'], { what: /^one: stopped$/m });
    expect(agents()).toEqual([]);
    await ask('start', ['one'], { what: /^one: started$/m });
    const [pid] = agents();
    expect(pid).toBeGreaterThan(0);
    await ask('restart', ['--all'], { what: /^one: restarted$/m });
    expect(agents()).toEqual([expect.not.toSatisfy((now) => now === pid)]);
    await ask('logs', ['daemon', '-n', '200'], { what: /registered as / });
    await ask('metrics', ['--fresh'], { what: /used_percent +[\d.]+ %/ });
    await ask('health', ['one', '--fresh'], { what: /^process +ok/m });
    await ask('metrics', ['one'], { what: /^TIME +CPU|^Nothing was measured/m });
    await ask('config', ['show', 'one'], { code: 5, what: /config_file/ });
    await ask('events', ['-n', '50'], { what: /agent one was started/ });
    await run('config', ['check', config], { what: /daemon\.yaml is valid$/m });
    await ask('config', ['show', '--origins'], { what: /work_dir/ });
    await ask('reload', [], { what: /^nothing has changed$/m });
    await ask('doctor', [], { what: /TLS 1\.3 with this host's certificate, it answers/ });
    const bundle = join(root, 'support.tar.gz');
    await ask('support-bundle', ['-o', bundle], { what: /\d+ parts/ });
    expect(existsSync(bundle)).toBe(true);

    // on a terminal, which `script` gives it
    asked.add('top');
    const top = new Child(
      ['-qec', `stty cols 100 rows 30; '${current}/bin/daemonctl' top --config '${config}'`, '/dev/null'],
      {
        program: 'script',
        env: { TERM: 'xterm' },
      },
    );
    let screen = '';
    top.process.stdout?.on('data', (chunk) => {
      screen += chunk;
    });
    await waitFor(() => /one +(running|starting)/.test(stripVTControlCharacters(screen)), { what: 'top' });
    top.write('q');
    expect(await top.exited).toEqual({ code: 0, signal: null });

    const key = join(root, 'own.key');
    await run('keygen', ['--type', 'ecdsa', '--out', key], { what: /own\.key\.pub/ });
    const file = join(root, 'package.tar.gz');
    cpSync(second, file);
    const facts = ['--component', 'daemon', '--version', '9.0.0'];
    await run('sign', [file, '--key', key, ...facts], { what: /package\.tar\.gz/ });
    await run('verify', [file, '--key', `${key}.pub`], { what: /9\.0\.0/ });
    // this host does not know the key
    await ask('update', ['daemon', '--file', file], { code: 5, what: /D4002/ });
    await ask('update', ['daemon', '--file', second], { what: /1\.0\.0 to 1\.1\.0: done/ });
    expect(readlinkSync(current)).toBe('releases/1.1.0');
    await ask('updates', [], { what: /1\.1\.0/ });
    await ask('backups', ['daemon'], { what: /1\.0\.0/ });
    await ask('rollback', ['daemon'], { what: /1\.0\.0/ });
    expect(readlinkSync(current)).toBe('releases/1.0.0');
    await run('completion', ['bash'], { what: /complete -F/ });

    const verbs = createProgram().commands.map((verb) => verb.name());
    expect(verbs.filter((verb) => !asked.has(verb) && verb !== '__complete')).toEqual([]);
  },
  LONG_MS,
);
