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
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inspectPackage } from '../../src/workers/update/inspect.ts';
import { unpack } from '../../src/workers/update/unpack.ts';
import { DIST } from '../support/manager-process.ts';
import { temporaryFolder, testFolder } from '../support/temp-folder.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/package.mjs', import.meta.url));
const LIMITS = { maxFiles: 100, maxBytes: 100 * 1024 * 1024, maxDepth: 4 };

function packaged(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [SCRIPT, ...args], { encoding: 'utf8' });
}

function output(program: string, args: string[], env: Record<string, string> = {}): string {
  const { stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, ...env } });
  if (error) throw error;
  return `${stdout}${stderr}`;
}

let folder: string;
let remove: () => Promise<void>;
let archive: string;
let release: string;

beforeAll(async () => {
  ({ path: folder, remove } = await temporaryFolder('package'));
  const { stdout, stderr, status } = packaged('--no-build', '--out', join(folder, 'packages'));
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
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
    expect(basename(archive)).toBe(`host-daemon-${version}-${process.platform}-${process.arch}.tar.gz`);
    expect(readdirSync(dirname(archive))).toEqual([basename(archive)]);
    expect(await inspectPackage({ path: archive })).toEqual({ form: 'tar.gz' });
    const names = output('tar', ['-tzf', archive]).trim().split('\n');
    expect(names.every((name) => name.startsWith(`host-daemon-${version}/`))).toBe(true);
  });

  test('has the same bytes each time', () => {
    const again = packaged('--no-build', '--out', join(folder, 'again')).stdout.trim();
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
    for (const name of lib) {
      expect(readFileSync(join(release, 'lib', name)).equals(readFileSync(join(DIST, name)))).toBe(true);
    }
    expect(existsSync(join(release, 'bin/daemonctl'))).toBe(existsSync(join(DIST, 'daemonctl.js')));
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

describe('with a version of its own', () => {
  /** A checkout whose build takes no time: bundles that say the version that they are given, or another. */
  async function checkout(says: string): Promise<{ root: string; run: () => ReturnType<typeof packaged> }> {
    const root = await testFolder('checkout');
    for (const name of ['package.mjs', 'setup.mjs', 'launcher.sh']) {
      mkdirSync(join(root, 'scripts'), { recursive: true });
      copyFileSync(join(dirname(SCRIPT), name), join(root, 'scripts', name));
    }
    symlinkSync(join(DIST, '../node_modules'), join(root, 'node_modules'));
    const bundles = ['daemon', 'config', 'collect', 'other-systems', 'pool', 'update-tasks', 'piscina', 'worker'];
    const build = `
      import { writeFileSync } from 'node:fs';
      const [, version, , out] = process.argv.slice(2);
      writeFileSync(out + '/package.json', '{"type":"commonjs"}');
      for (const name of ${JSON.stringify([...bundles, 'daemonctl', 'demo'])})
        writeFileSync(out + '/' + name + '.js', 'console.log(' + JSON.stringify(${says}) + ')');`;
    await writeFile(join(root, 'scripts/build.mjs'), build);
    const args = [join(root, 'scripts/package.mjs'), '--version', '9.8.7-rc.1'];
    const env = { ...process.env, TMPDIR: root };
    return { root, run: () => spawnSync(process.execPath, args, { encoding: 'utf8', env }) };
  }
  const contents = ['node_modules', 'scripts'];

  test('the bundles are built for it, apart from dist/', async () => {
    const { root, run } = await checkout('version');
    const { stdout, stderr } = run();
    expect(stderr).toBe('');
    expect(stdout).toBe(
      `${join(root, `packages/host-daemon-9.8.7-rc.1-${process.platform}-${process.arch}.tar.gz`)}\n`,
    );
    expect(readdirSync(root).sort()).toEqual([...contents, 'packages'].sort());
    const to = join(root, 'r');
    const input = { archive: stdout.trim(), to, limits: LIMITS, reserveBytes: 0, sha256: '' };
    expect(await unpack(input, { progress: () => {} })).toMatchObject({ root: 'host-daemon-9.8.7-rc.1', files: 13 });
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
  ])('%s', (_what, args, reason) => {
    const { status, stdout, stderr } = packaged(...args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(reason);
  });
});
