import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inspectPackage } from '../../src/workers/update/inspect.ts';
import { unpack } from '../../src/workers/update/unpack.ts';
import { addonInto } from '../support/built-addon.ts';
import { DIST } from '../support/manager-process.ts';
import { temporaryFolder, testFolder } from '../support/temp-folder.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/package.mjs', import.meta.url));
/** Of what is built, for this machine alone, without the hundred megabytes of Node. */
const OWN = ['--no-build', '--without-node', '--arch', process.arch];
const UNSIGNED = 'unsigned: no host takes it before it has been signed (--sign-key FILE)\n';
const LIMITS = { maxFiles: 100, maxBytes: 100 * 1024 * 1024, maxDepth: 4 };

function packaged(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [SCRIPT, ...args], { encoding: 'utf8' });
}

function output(
  program: string,
  args: string[],
  { cwd = '/', ...env }: { cwd?: string } & Record<string, string> = {},
): string {
  const { stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    cwd,
    env: { ...process.env, ...env },
  });
  if (error) throw error;
  return `${stdout}${stderr}`;
}

let folder: string;
let remove: () => Promise<void>;
let archive: string;
let release: string;

beforeAll(async () => {
  ({ path: folder, remove } = await temporaryFolder('package'));
  const { stdout, stderr, status } = packaged(...OWN, '--out', join(folder, 'packages'));
  expect({ stderr, status }).toEqual({ stderr: UNSIGNED, status: 0 });
  expect(stdout).toMatch(/^[^\n]+\n$/);
  archive = stdout.trim();
  release = join(folder, 'release');
  const input = { archive, to: release, limits: LIMITS, reserveBytes: 0, sha256: '' };
  await unpack(input, { progress: () => {} });
});

afterAll(() => remove());

describe('the archive', () => {
  test('is named for its version, platform and machine, and holds one folder', async () => {
    const version = output(process.execPath, [join(DIST, 'daemon.js'), '--version']).trim();
    const name = `daemon-${version}-linux-${process.arch}`;
    expect(basename(archive)).toBe(`${name}.tar.gz`);
    const all = ['SHA256SUMS', `${name}.cdx.json`, `${name}.tar.gz`, 'install.sh'];
    expect(readdirSync(dirname(archive)).sort()).toEqual(all);
    expect(output('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: dirname(archive) })).toBe(
      all.slice(1).reduce((text, file) => `${text}${file}: OK\n`, ''),
    );
    expect(await inspectPackage({ path: archive })).toEqual({ form: 'tar.gz' });
    const names = output('tar', ['-tzf', archive]).trim().split('\n');
    expect(names.every((name) => name.startsWith(`daemon-${version}/`))).toBe(true);
  });

  test('has the same bytes each time', () => {
    const again = packaged(...OWN, '--out', join(folder, 'again')).stdout.trim();
    expect(readFileSync(again).equals(readFileSync(archive))).toBe(true);
  });

  test('tells nothing of who made it and when', () => {
    const lines = output('tar', ['--numeric-owner', '--utc', '-tvzf', archive]).trim().split('\n');
    for (const line of lines) expect(line).toMatch(/^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x) 0\/0 +\d+ 1970-01-01 00:00 /);
  });

  test('holds the bundles that a host needs and no others', () => {
    const lib = readdirSync(join(release, 'lib'));
    expect(lib).toEqual(expect.arrayContaining(['daemon.js', 'worker.js', 'update-tasks.js', 'package.json']));
    expect(lib.filter((name) => /\.map$|^(demo|manager|bench|sample-agent)\./.test(name))).toEqual([]);
    expect(lib).not.toContain('bundled.json');
    for (const name of lib) {
      expect(readFileSync(join(release, 'lib', name)).equals(readFileSync(join(DIST, name)))).toBe(true);
    }
    expect(existsSync(join(release, 'bin/daemonctl'))).toBe(existsSync(join(DIST, 'daemonctl.js')));
  });

  test('holds the native calls where there is a compiler, as a part that Node loads', async () => {
    const folder = await testFolder('addon');
    const addon = join(release, 'lib/give-back.node');
    expect(existsSync(addon)).toBe((await addonInto(folder)) === '');
    if (!existsSync(addon)) return;
    expect(lstatSync(addon).mode & 0o777).toBe(0o644);
    const loads =
      'const m = { exports: {} }; process.dlopen(m, process.argv[1]); console.log(Object.keys(m.exports).sort().join())';
    expect(output(process.execPath, ['-e', loads, addon]).trim().split(',')).toEqual(
      expect.arrayContaining(['collect', 'countPresent', 'giveBack', 'trim', 'withoutFaultAround']),
    );
  });

  test('ends like a tar that any program takes', () => {
    expect(gunzipSync(readFileSync(archive)).subarray(-1024).equals(Buffer.alloc(1024))).toBe(true);
  });
});

describe('the release', () => {
  test('runs, and says the version that it carries', () => {
    expect(output(join(release, 'bin/daemon'), ['--version'])).toBe(readFileSync(join(release, 'VERSION'), 'utf8'));
    expect(lstatSync(join(release, 'bin/daemon')).mode & 0o777).toBe(0o755);
  });

  test('runs through links, from a folder with blanks, with its arguments as they are', async () => {
    const place = join(await testFolder('a place'), 'with blanks');
    mkdirSync(place);
    cpSync(release, join(place, 'r 1'), { recursive: true });
    symlinkSync('r 1', join(place, 'current'));
    symlinkSync('current/bin/daemon', join(place, 'hostd'));
    const version = readFileSync(join(release, 'VERSION'), 'utf8');
    expect(output(join(place, 'hostd'), ['--version'])).toBe(version);
    expect(output('sh', ['-c', 'cd "$1" && ./hostd --version', 'sh', place])).toBe(version);
    await writeFile(join(place, 'r 1/lib/daemon.js'), 'console.log(JSON.stringify(process.argv.slice(1)))');
    const args = ['a b', '', '*', '--x=$y'];
    expect(JSON.parse(output(join(place, 'hostd'), args))).toEqual([join(place, 'r 1/lib/daemon.js'), ...args]);
  });

  test('takes the Node beside it, else DAEMON_NODE, else that of PATH', async () => {
    const place = join(await testFolder('node'), 'r');
    cpSync(release, place, { recursive: true });
    const tool = async (path: string, says: string): Promise<string> => {
      await writeFile(path, `#!/bin/sh\necho ${says}\n`, { mode: 0o755 });
      return path;
    };
    const daemon = join(place, 'bin/daemon');
    mkdirSync(join(place, 'path'));
    await tool(join(place, 'path/node'), 'of PATH');
    const env = { PATH: `${join(place, 'path')}:${process.env['PATH']}` };
    expect(output(daemon, [], env)).toBe('of PATH\n');
    const named = { ...env, DAEMON_NODE: await tool(join(place, 'other'), 'of DAEMON_NODE') };
    expect(output(daemon, [], named)).toBe('of DAEMON_NODE\n');
    await tool(join(place, 'bin/node'), 'of the release');
    expect(output(daemon, [], named)).toBe('of the release\n');
  });

  test('its exit code is the program’s', () => {
    expect(spawnSync(join(release, 'bin/daemon'), ['--no-such-option']).status).toBe(2);
  });
});

describe('what the launcher gives to Node', () => {
  /** A Node that says this version, and else tells its arguments and its environment. */
  const fake = async (path: string, version = 'v20.20.0'): Promise<string> => {
    const source = `#!/bin/sh
      case $1 in --version) [ $# -eq 1 ] && echo '${version}' && exit ;; esac
      for argument; do printf 'argument %s\\n' "$argument"; done
      env`;
    await writeFile(path, source, { mode: 0o755 });
    return path;
  };
  const FLAGS = ['--use-openssl-ca', '--max-semi-space-size=1'];
  interface Told {
    args: string[];
    env: Record<string, string>;
  }

  function told(text: string): Told {
    const lines = text.trim().split('\n');
    const args = lines.filter((line) => line.startsWith('argument ')).map((line) => line.slice('argument '.length));
    const pairs = lines.filter((line) => !line.startsWith('argument ')).map((line) => /^([^=]*)=(.*)$/.exec(line));
    return { args, env: Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? ''])) };
  }

  /** The environment is this alone, with PATH. */
  async function launched(
    program: string,
    args: string[],
    { env = {}, version, from = release }: { env?: Record<string, string>; version?: string; from?: string } = {},
  ): Promise<Told> {
    const node = await fake(join(await testFolder('node'), 'fake node'), version);
    const { stdout, stderr, status } = spawnSync(join(from, 'bin', program), args, {
      ...{ encoding: 'utf8', timeout: 20_000 },
      env: { PATH: process.env['PATH'], DAEMON_NODE: node, ...env },
    });
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    return told(stdout);
  }

  test('flags for the daemon, before its program, and its arguments as they are', async () => {
    const args = ['--config', 'a b', '', '*', '--no-node-snapshot'];
    expect((await launched('daemon', args)).args).toEqual([...FLAGS, join(release, 'lib/daemon.js'), ...args]);
    expect((await launched('daemon', ['--version'])).args).toEqual([
      ...FLAGS,
      join(release, 'lib/daemon.js'),
      '--version',
    ]);
  });

  test.each([
    ['v20.19.0', false],
    ['v22.0.0', true],
    ['v22.21.1', true],
    ['v23.1.0', false],
    ['v24.11.0', true],
    ['v26.0.0', false],
    ['v220.0.0', false],
    ['v2.24.0', false],
    ['', false],
  ])('of Node %s a thread begins without the snapshot: %s', async (version, without) => {
    const { args } = await launched('daemon', ['x'], { version });
    expect(args).toEqual([...(without ? ['--no-node-snapshot'] : []), ...FLAGS, join(release, 'lib/daemon.js'), 'x']);
  });

  test.each(['v20.19.0', 'v24.11.0'])('no flags for daemonctl, with %s', async (version) => {
    const { args } = await launched('daemonctl', ['status', '--json'], { version });
    expect(args).toEqual([join(release, 'lib/daemonctl.js'), 'status', '--json']);
  });

  const AUTHORITIES = { NODE_EXTRA_CA_CERTS: '/etc/a b.pem', SSL_CERT_FILE: '/c.pem', SSL_CERT_DIR: '/d' };

  test('the daemon finds further authorities put aside, none by OpenSSL, and one arena', async () => {
    const none = { SSL_CERT_FILE: '/dev/null', SSL_CERT_DIR: '/dev/null' };
    const { env } = await launched('daemon', [], { env: { ...AUTHORITIES, OTHER: 'stays' } });
    expect(env).toMatchObject({
      ...none,
      DAEMON_EXTRA_CA_CERTS: '/etc/a b.pem',
      MALLOC_ARENA_MAX: '1',
      OTHER: 'stays',
    });
    expect(env).not.toHaveProperty('NODE_EXTRA_CA_CERTS');
    // where nothing is named, OpenSSL would look into its own folder
    expect((await launched('daemon', [])).env).toMatchObject(none);
  });

  const OPTIONS = { NODE_OPTIONS: '--use-bundled-ca --inspect', NODE_USE_SYSTEM_CA: '1' };

  test('options of Node in the environment are not for the daemon; its own have a name of their own', async () => {
    const { env } = await launched('daemon', [], { env: OPTIONS });
    for (const name of Object.keys(OPTIONS)) expect(env).not.toHaveProperty(name);
    const own = { DAEMON_NODE_OPTIONS: '--max-old-space-size=40 --title="a b"' };
    const given = (await launched('daemon', [], { env: { ...OPTIONS, ...own } })).env;
    expect(given).toMatchObject({ ...own, NODE_OPTIONS: own.DAEMON_NODE_OPTIONS });
    expect(given).not.toHaveProperty('NODE_USE_SYSTEM_CA');
    expect((await launched('daemon', [], { env: { DAEMON_NODE_OPTIONS: '' } })).env).not.toHaveProperty('NODE_OPTIONS');
  });

  test('with each of these the daemon itself starts', () => {
    for (const options of ['--use-bundled-ca', '--use-system-ca', '--no-such-option']) {
      const env = { NODE_OPTIONS: options, NODE_USE_SYSTEM_CA: '1' };
      const version = output(join(release, 'bin/daemon'), ['--version'], env);
      expect({ options, version }).toEqual({ options, version: readFileSync(join(release, 'VERSION'), 'utf8') });
    }
  });

  test.each([
    ['none are named', {}, undefined],
    ['they are named by nothing', { NODE_EXTRA_CA_CERTS: '' }, undefined],
    ['they were put aside before', { DAEMON_EXTRA_CA_CERTS: '/b.pem' }, '/b.pem'],
    ['others are named since', { NODE_EXTRA_CA_CERTS: '/a.pem', DAEMON_EXTRA_CA_CERTS: '/b.pem' }, '/a.pem'],
  ])('where %s', async (_, env: Record<string, string>, expected) => {
    const given = (await launched('daemon', [], { env })).env;
    expect(given['DAEMON_EXTRA_CA_CERTS']).toBe(expected);
    expect(given).not.toHaveProperty('NODE_EXTRA_CA_CERTS');
  });

  test('a number of arenas that is set already stays', async () => {
    const { env } = await launched('daemon', [], { env: { MALLOC_ARENA_MAX: '4' } });
    expect(env['MALLOC_ARENA_MAX']).toBe('4');
  });

  test('the environment of daemonctl is as it was', async () => {
    const { env } = await launched('daemonctl', ['status'], { env: { ...AUTHORITIES, ...OPTIONS } });
    expect(env).toMatchObject({ ...AUTHORITIES, ...OPTIONS });
    expect(env).not.toHaveProperty('DAEMON_EXTRA_CA_CERTS');
    expect(env).not.toHaveProperty('MALLOC_ARENA_MAX');
  });

  describe('a version on trial', () => {
    /** Two releases, the newer one with so many starts left. */
    async function onTrial(left: number) {
      const root = await testFolder('trial');
      for (const name of ['1.0.0', '2.0.0']) cpSync(release, join(root, 'releases', name), { recursive: true });
      await writeFile(join(root, 'trial'), `${left} 2.0.0 1.0.0 ${join(root, 'update')}\n`);
      const run = (program: string, args: string[]) => launched(program, args, { from: join(root, 'releases/2.0.0') });
      const startsLeft = () => Number(readFileSync(join(root, 'trial'), 'utf8').split(' ')[0]);
      return { root, run, startsLeft };
    }

    test('uses up a start by the daemon, and none by daemonctl', async () => {
      const { run, startsLeft } = await onTrial(3);
      for (const args of [[], ['status'], ['update', 'start'], ['--version']]) await run('daemonctl', args);
      expect(startsLeft()).toBe(3);
      await run('daemon', []);
      expect(startsLeft()).toBe(2);
      await run('daemon', ['--config', 'x']);
      expect(startsLeft()).toBe(1);
    });

    test.each([[['--version']], [['--check']], [['--help']], [['--config', 'x', '--check']]])(
      'uses up none by daemon %j',
      async (args) => {
        const { run, startsLeft } = await onTrial(3);
        await run('daemon', args);
        expect(startsLeft()).toBe(3);
      },
    );

    test('without a start left the daemon is that of the version before, daemonctl its own', async () => {
      const { root, run, startsLeft } = await onTrial(0);
      expect((await run('daemon', ['x'])).args).toEqual([...FLAGS, join(root, 'releases/1.0.0/lib/daemon.js'), 'x']);
      expect((await run('daemonctl', ['status'])).args).toEqual([
        join(root, 'releases/2.0.0/lib/daemonctl.js'),
        'status',
      ]);
      expect(startsLeft()).toBe(0);
    });
  });
});

describe('with a version of its own', () => {
  /** A checkout whose build takes no time: bundles that say the version that they are given, or another. */
  async function checkout(says: string): Promise<{ root: string; run: () => ReturnType<typeof packaged> }> {
    const root = await testFolder('checkout');
    for (const name of ['package.mjs', 'setup.mjs', 'addon.mjs', 'launcher.sh', 'install.sh', 'install', 'release']) {
      cpSync(join(dirname(SCRIPT), name), join(root, 'scripts', name), { recursive: true });
    }
    writeFileSync(join(root, 'package-lock.json'), '{"packages":{}}');
    symlinkSync(join(DIST, '../node_modules'), join(root, 'node_modules'));
    const bundles = ['daemon', 'config', 'collect', 'other-systems', 'pool', 'update-tasks', 'piscina', 'worker'];
    const bundled = [...bundles, 'daemonctl'].map((name) => [name, ['node_modules/yaml']]);
    const build = `
      import { mkdirSync, writeFileSync } from 'node:fs';
      const [, version, , out] = process.argv.slice(2);
      mkdirSync(out);
      writeFileSync(out + '/package.json', '{"type":"commonjs"}');
      writeFileSync(out + '/bundled.json', ${JSON.stringify(JSON.stringify(Object.fromEntries(bundled)))});
      for (const name of ${JSON.stringify([...bundles, 'daemonctl', 'demo'])})
        writeFileSync(out + '/' + name + '.js', 'console.log(' + JSON.stringify(${says}) + ')');`;
    await writeFile(join(root, 'scripts/build.mjs'), build);
    const args = [join(root, 'scripts/package.mjs'), '--version', '9.8.7-rc.1', '--without-node'];
    args.push('--arch', process.arch);
    const env = { ...process.env, TMPDIR: root };
    return { root, run: () => spawnSync(process.execPath, args, { encoding: 'utf8', env }) };
  }
  const contents = ['node_modules', 'package-lock.json', 'scripts'];

  test('the bundles are built for it, apart from dist/', async () => {
    const { root, run } = await checkout('version');
    const { stdout, stderr } = run();
    expect(stderr).toContain(UNSIGNED);
    expect(stdout).toBe(`${join(root, `packages/daemon-9.8.7-rc.1-linux-${process.arch}.tar.gz`)}\n`);
    expect(readdirSync(root).sort()).toEqual([...contents, 'packages'].sort());
    const to = join(root, 'r');
    const input = { archive: stdout.trim(), to, limits: LIMITS, reserveBytes: 0, sha256: '' };
    expect(await unpack(input, { progress: () => {} })).toMatchObject({ root: 'daemon-9.8.7-rc.1' });
    expect(readFileSync(join(to, 'VERSION'), 'utf8')).toBe('9.8.7-rc.1\n');
    for (const program of ['daemon', 'daemonctl']) expect(output(join(to, 'bin', program), [])).toBe('9.8.7-rc.1\n');
  });

  test('bundles that say another one are not packaged', async () => {
    const { root, run } = await checkout('"1.0.0"');
    const { status, stdout, stderr } = run();
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr: 'the bundles say 1.0.0 and not 9.8.7-rc.1\n',
    });
    expect(readdirSync(root).sort()).toEqual(contents);
  });
});

describe('what is not packaged', () => {
  test('a folder that lacks a bundle', async () => {
    const dist = await testFolder('dist');
    for (const name of ['daemon.js', 'config.js', 'package.json']) copyFileSync(join(DIST, name), join(dist, name));
    const out = join(dist, 'out');
    const { status, stdout, stderr } = packaged('--dist', dist, '--out', out);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(`${dist} lacks collect.js, other-systems.js,`);
    expect(existsSync(out) ? readdirSync(out) : []).toEqual([]);
  });

  test.each([
    ['an empty folder', ['--dist', '/nonexistent'], '/nonexistent has no daemon.js'],
    ['a version that is a path', ['--version', '../1'], '../1 cannot be a version'],
    ['another version of what is there', ['--version', '1.2.3', '--no-build'], '--version builds bundles of its own'],
    ['an unknown option', ['--sign'], "Unknown option '--sign'"],
    ['a machine that is not known', ['--arch', 'mips'], '--arch mips: it is x64 or arm64'],
    ['a date for a signature that nobody makes', ['--expires', '1d'], 'are for --sign-key'],
    ['with a key that is not there', [...OWN, '--sign-key', '/nonexistent'], 'could not be signed'],
  ])('%s', async (_what, args, reason) => {
    const out = await testFolder('out');
    const { status, stdout, stderr } = packaged(...args, '--out', out);
    expect(readdirSync(out)).toEqual([]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(reason);
  });
});
