/** A release put into a folder, as into an image or onto a host, and another one in its place. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  GROUP,
  GROUP_ID,
  image,
  makeKeyPair,
  type Ran,
  runScript,
  SignedReleases,
  treeOf,
} from '../support/install-root.ts';
import { testFolder } from '../support/temp-folder.ts';

const SCRIPTS = fileURLToPath(new URL('../../scripts', import.meta.url));
const LONG_MS = 120_000;
const asRoot = process.getuid?.() === 0;

let releases: SignedReleases;
let first: string;
let second: string;

beforeAll(async () => {
  ({ releases, first, second } = await SignedReleases.two());
}, LONG_MS);
afterAll(() => releases.remove());

const install = (root: string, archive: string, ...args: string[]): Promise<Ran> =>
  releases.install(root, archive, { args });

async function installed(archive = first): Promise<string> {
  const root = await image();
  expect(await install(root, archive)).toMatchObject({ code: 0, stderr: '' });
  return root;
}

const currentOf = (root: string): string => readlinkSync(join(root, 'opt/daemon/current'));

describe('install.sh', () => {
  test('puts everything in its place', async () => {
    const root = await installed();
    expect(currentOf(root)).toBe('releases/1.0.0');
    expect(readFileSync(join(root, 'opt/daemon/current/VERSION'), 'utf8')).toBe('1.0.0\n');
    expect(readlinkSync(join(root, 'usr/local/bin/daemonctl'))).toBe('/opt/daemon/current/bin/daemonctl');
    const owner = asRoot ? `0:${GROUP_ID}` : `${process.getuid?.()}:${process.getgid?.()}`;
    const tree = treeOf(root);
    expect(tree['var/lib/daemon']).toBe(`folder 2750 ${owner}`);
    expect(tree['var/log/daemon']).toBe(`folder 750 ${owner}`);
    expect(tree['etc/daemon/certs']).toMatch(/^folder 700 /);
    expect(tree['etc/daemon/daemon.yaml']).toMatch(/^file 640 /);
    expect(readFileSync(join(root, 'etc/daemon/keys/update.pub'))).toEqual(readFileSync(releases.publicKey));
    expect(readdirSync(join(root, 'opt/daemon')).sort()).toEqual(['current', 'installed', 'releases']);
    expect(Object.keys(tree).filter((path) => /\.(part|former|new)$|\.install/.test(path))).toEqual([]);
    const unit = join(root, 'etc/systemd/system/daemon.service');
    if (existsSync(unit)) expect(readFileSync(unit, 'utf8')).toContain('=/opt/daemon/current/bin/daemon ');
  });

  test('changes nothing when it is there already, and says so', async () => {
    const root = await installed();
    const before = treeOf(root);
    const { code, stdout, stderr } = await install(root, first);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('nothing to do');
    expect(treeOf(root)).toEqual(before);
    // from then on with the key that is installed
    expect(await runScript(releases.installer, ['--root', root, first])).toMatchObject({ code: 0 });
    expect(treeOf(root)).toEqual(before);
  });

  test('is the same in parts, as in the sources', async () => {
    const root = await image();
    const args = ['--yes', '--root', root, '--key', releases.publicKey, '--group', GROUP, first];
    expect(await runScript(join(SCRIPTS, 'install.sh'), args)).toMatchObject({ code: 0, stderr: '' });
    expect(treeOf(root)).toEqual(treeOf(await installed()));
  });

  test('goes where --prefix says, the unit too', async () => {
    const root = await image();
    expect(await install(root, first, '--prefix', '/usr/lib/host.daemon')).toMatchObject({ code: 0 });
    const place = '/usr/lib/host.daemon/current/bin';
    expect(readlinkSync(join(root, 'usr/local/bin/daemonctl'))).toBe(`${place}/daemonctl`);
    const unit = join(root, 'etc/systemd/system/daemon.service');
    if (existsSync(unit)) expect(readFileSync(unit, 'utf8')).toContain(`ExecStart=${place}/daemon `);
    expect(existsSync(join(root, 'opt/daemon'))).toBe(false);
  });

  test('never overwrites a configuration: a changed default lies beside it, once', async () => {
    const root = await installed();
    const config = join(root, 'etc/daemon/daemon.yaml');
    const own = `${readFileSync(config, 'utf8')}# ours\n`;
    writeFileSync(config, own);
    // the default is the same in the next release: there is nothing to say
    expect(await install(root, second)).toMatchObject({ code: 0 });
    expect(existsSync(`${config}.new`)).toBe(false);
    const other = await withOtherDefault();
    const { code, stdout } = await install(root, other);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('daemon.yaml stays as it is') });
    expect(readFileSync(config, 'utf8')).toBe(own);
    expect(readFileSync(`${config}.new`, 'utf8')).toContain('# another default');
    rmSync(`${config}.new`); // it has been read
    expect(await install(root, other)).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') });
    expect(existsSync(`${config}.new`)).toBe(false);
  });

  async function withOtherDefault(): Promise<string> {
    const folder = await testFolder('default');
    const run = (program: string, ...args: string[]) =>
      expect(spawnSync(program, args, { cwd: folder }).status).toBe(0);
    run('tar', '-xzf', second);
    const file = join(folder, 'daemon-1.1.0/share/configs/daemon.yaml');
    writeFileSync(file, `${readFileSync(file, 'utf8')}# another default\n`);
    writeFileSync(join(folder, 'daemon-1.1.0/VERSION'), '1.1.0\n');
    run('tar', '-czf', 'changed.tar.gz', '--owner=0', '--group=0', 'daemon-1.1.0');
    const bytes = readFileSync(join(folder, 'changed.tar.gz'));
    const path = releases.change(second, join(folder, 'changed'), { bytes: () => bytes });
    // the same version with other content: a release that is in use is replaced with --force only
    const root = await installed(second);
    const before = treeOf(root);
    const refused = await install(root, path);
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is in use and not what the archive holds'),
    });
    expect(treeOf(root)).toEqual(before);
    expect(await install(root, path, '--force')).toMatchObject({ code: 0 });
    return releases.change(second, join(folder, 'as-1.2.0'), { ...next(folder) });
  }

  /** The same with 1.2.0 written over it, its daemon too. */
  function next(folder: string): { bytes: () => Buffer; manifest: Record<string, unknown> } {
    const root = join(folder, 'daemon-1.1.0');
    writeFileSync(join(root, 'VERSION'), '1.2.0\n');
    const daemon = join(root, 'lib/daemon.js');
    writeFileSync(daemon, readFileSync(daemon, 'utf8').replaceAll('"1.1.0"', '"1.2.0"'));
    spawnSync('tar', ['-czf', 'next.tar.gz', '--owner=0', '--group=0', 'daemon-1.1.0'], { cwd: folder });
    return { bytes: () => readFileSync(join(folder, 'next.tar.gz')), manifest: { version: '1.2.0' } };
  }

  test('takes a higher version, keeps the former one, and refuses a lower one without --force', async () => {
    const root = await installed();
    expect(await install(root, second)).toMatchObject({ code: 0, stderr: '' });
    expect(currentOf(root)).toBe('releases/1.1.0');
    expect(readdirSync(join(root, 'opt/daemon/releases')).sort()).toEqual(['1.0.0', '1.1.0']);
    const before = treeOf(root);
    expect(await install(root, first)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('1.0.0 is lower than 1.1.0, which is installed: --force'),
    });
    expect(treeOf(root)).toEqual(before);
    expect(await install(root, first, '--force')).toMatchObject({ code: 0 });
    expect(currentOf(root)).toBe('releases/1.0.0');
  });

  test('leaves alone what is on trial', async () => {
    const root = await installed();
    writeFileSync(join(root, 'opt/daemon/trial'), '3 1.1.0 1.0.0 /x\n');
    const before = treeOf(root);
    expect(await install(root, second)).toMatchObject({ code: 1, stderr: expect.stringContaining('on trial') });
    expect(treeOf(root)).toEqual(before);
  });

  test('a version that refuses the present configuration is not installed', async () => {
    const root = await installed();
    writeFileSync(join(root, 'etc/daemon/daemon.yaml'), 'daemon: { log_levle: info }\n');
    const before = treeOf(root);
    const { code, stderr } = await install(root, second);
    expect(code).toBe(1);
    expect(stderr).toContain('refuses the present configuration (check: program)');
    expect(stderr).toContain('log_levle');
    expect(treeOf(root)).toEqual(before);
  });

  test('what somebody else has put in its way stays', async () => {
    const root = await image();
    writeFileSync(join(root, 'usr/local/bin/daemonctl'), 'of somebody else\n');
    const before = treeOf(root);
    expect(await install(root, first)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/in the way.*\n.*everything is as it was before/),
    });
    expect(treeOf(root)).toEqual(before);
  });

  test('a link of the image that leads out of it is not followed', async () => {
    const root = await image();
    const outside = await testFolder('outside');
    rmSync(join(root, 'var/lib'), { recursive: true });
    symlinkSync(outside, join(root, 'var/lib'));
    expect(await install(root, first)).toMatchObject({ code: 1, stderr: expect.stringContaining('leads out of') });
    expect(readdirSync(outside)).toEqual([]);
    expect(existsSync(join(root, 'opt/daemon'))).toBe(false);
  });

  describe('asks', () => {
    const args = (root: string) => ['--root', root, '--key', releases.publicKey, first];

    test('and refuses where there is no terminal', async () => {
      const root = await image();
      const before = treeOf(root);
      const ran = await runScript(releases.installer, args(root));
      expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no terminal to ask on: --yes') });
      expect(treeOf(root)).toEqual(before);
    });

    const terminal = spawnSync('script', ['--version']).error === undefined;
    test.skipIf(!terminal).each([
      ['y', 0],
      ['n', 1],
    ])('on a terminal, once: %s (needs the program script)', async (answer, code) => {
      const root = await image();
      const command = ['/bin/sh', releases.installer, ...args(root)].join(' ');
      const input = `${answer}\n`;
      const ran = spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8', input });
      expect(ran.stdout).toContain(`Install the daemon 1.0.0 (${process.arch}) in ${root}/opt/daemon? [y/N]`);
      expect(ran.status).toBe(code);
      expect(existsSync(join(root, 'opt/daemon'))).toBe(code === 0);
    });
  });

  test.each([
    [[], 'name the archive'],
    [['a', 'b'], 'one archive at a time'],
    [['--rot', '/x', 'a'], '--rot is not known'],
    [['a', '--root'], '--root needs a value'],
    [['--root', '/nonexistent', 'a'], 'there is no such folder'],
    [['--prefix', 'opt', 'a'], 'absolute path'],
    [['--prefix', '/opt/../etc', 'a'], 'must not hold . or ..'],
    [['--group', 'a:b', 'a'], '--group is the name of a group'],
  ])('a wrong command line %j is told with the right one', async (args, why) => {
    const ran = await runScript(releases.installer, args);
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(why) });
    expect(ran.stderr).toContain('Usage: install.sh');
  });
});

describe('keys', () => {
  test.each([
    ['RSA', ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048'], ['dgst', '-sha256', '-sign']],
    [
      'RSA-PSS',
      ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
      ['dgst', '-sha256', '-sigopt', 'rsa_padding_mode:pss', '-sign'],
    ],
    ['ECDSA on P-384', ['EC', '-pkeyopt', 'ec_paramgen_curve:P-384'], ['dgst', '-sha256', '-sign']],
    ['Ed25519', ['ED25519'], ['pkeyutl', '-sign', '-rawin']],
  ])('%s signs, the second of a file as well', async (_, how, sign) => {
    const folder = await testFolder('keys');
    const key = makeKeyPair(join(folder, 'new'), how);
    const archive = releases.change(first, join(folder, 'signed'), { key, sign });
    const both = join(folder, 'both.pub');
    writeFileSync(both, readFileSync(releases.publicKey, 'utf8') + readFileSync(`${key}.pub`, 'utf8'));
    chmodSync(both, 0o644);
    const root = await image();
    const ran = await runScript(releases.installer, ['--yes', '--root', root, '--key', both, archive]);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
  });
});
