/** What must not be installed, and what is undone because it fails. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Change, image, makeKeyPair, type Ran, SignedReleases, treeOf } from '../support/install-root.ts';
import { testFolder } from '../support/temp-folder.ts';

const LONG_MS = 240_000;
const asRoot = process.getuid?.() === 0;

let releases: SignedReleases;
let first: string;
let second: string;

beforeAll(async () => {
  ({ releases, first, second } = await SignedReleases.two());
}, LONG_MS);
afterAll(() => releases.remove());

type How = Parameters<SignedReleases['install']>[2];
const install = (root: string, archive: string, how: How = {}): Promise<Ran> => releases.install(root, archive, how);

/** An archive of these entries under the name of the first release, signed. */
async function archiveOf(
  folder: string,
  entries: { name: string; type?: 'file' | 'directory' | 'symlink' | 'link'; linkname?: string; mode?: number }[],
): Promise<string> {
  const packing = pack();
  for (const { name, type = 'file', linkname, mode = 0o644 } of entries) {
    packing.entry({ name, type, mode, ...(linkname ? { linkname } : {}) }, type === 'file' ? 'x' : '');
  }
  packing.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of packing) chunks.push(chunk as Buffer);
  return releases.change(first, folder, { bytes: () => gzipSync(Buffer.concat(chunks)) });
}

describe('not installed, and nothing is touched', () => {
  async function refused(archive: string, why: string | RegExp, how: How = {}): Promise<void> {
    const root = await image();
    const before = treeOf(root);
    const { code, stdout, stderr } = await install(root, archive, how);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(why);
    expect(treeOf(root)).toEqual(before);
  }

  const flipped = (content: Buffer): Buffer => {
    const other = Buffer.from(content);
    const at = other.length >> 1;
    other[at] = (other[at] ?? 0) ^ 1;
    return other;
  };

  test('an archive with one bit changed, cut short, or longer', async () => {
    const folder = await testFolder('tampered');
    const bent = (name: string, how: (content: Buffer) => Buffer): string => {
      const path = releases.change(first, join(folder, name));
      writeFileSync(path, how(readFileSync(path)));
      return path;
    };
    await refused(bent('bit', flipped), /another SHA-256 than its manifest says \(check: hash\)/);
    await refused(
      bent('cut', (content) => content.subarray(0, -1)),
      /not as large .* \(check: size\)/,
    );
    await refused(
      bent('more', (content) => Buffer.concat([content, content])),
      /\(check: size\)/,
    );
  });

  test('a manifest that was changed after it was signed', async () => {
    const path = releases.change(first, await testFolder('manifest'));
    const file = `${path}.manifest.json`;
    writeFileSync(file, readFileSync(file, 'utf8').replace('"1.0.0"', '"9.0.0"'));
    await refused(path, /was not signed with a key of .*key\.pub \(check: signature\)/);
  });

  test('without a manifest, or its signature', async () => {
    const folder = await testFolder('unsigned');
    const path = releases.change(first, folder);
    rmSync(`${path}.manifest.json.sig`);
    await refused(path, /must lie beside the archive: an unsigned one is not installed/);
    rmSync(`${path}.manifest.json`);
    writeFileSync(`${path}.sig`, 'x');
    await refused(path, /must lie beside the archive/);
    await refused(join(folder, 'none.tar.gz'), /there is no file/);
  });

  test('with a key of somebody else, a weak one, none, or what is no key', async () => {
    const folder = await testFolder('keys');
    const other = makeKeyPair(join(folder, 'other'));
    await refused(first, /\(check: signature\)/, { key: `${other}.pub` });
    const weak = makeKeyPair(join(folder, 'weak'), ['RSA', '-pkeyopt', 'rsa_keygen_bits:1024']);
    const signed = releases.change(first, join(folder, 'weakly'), { key: weak });
    await refused(signed, /an RSA key of 1024 bits, 2048 are the least/, { key: `${weak}.pub` });
    const curve = makeKeyPair(join(folder, 'curve'), ['EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1']);
    await refused(first, /neither RSA, ECDSA on P-256 or P-384, nor Ed25519/, { key: `${curve}.pub` });
    const text = join(folder, 'text');
    writeFileSync(text, 'no key\n');
    await refused(first, /holds no key in PEM/, { key: text });
    writeFileSync(text, '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n');
    await refused(first, /a block that is no public key/, { key: text });
    await refused(first, /there is no key to check the archive with/, { key: join(folder, 'none') });
    await refused(first, /no public key/, { key: other }); // the private one
  });

  test.each<[string, Change, RegExp]>([
    ['that has expired', { manifest: { expires: '2020-01-01T00:00:00.000Z' } }, /has expired .*\(check: expiry\)/],
    ['of an agent', { manifest: { component: 'agent' } }, /not for the daemon \(check: component\)/],
    ['for another system', { manifest: { platform: 'freebsd' } }, /is for freebsd, not for linux \(check: platform\)/],
    ['of another form', { manifest: { format: 2 } }, /of no form that is known here \(check: manifest\)/],
    ['whose version is a path', { manifest: { version: '../../etc' } }, /names no version \(check: manifest\)/],
    ['that is no archive', { bytes: () => Buffer.from('plain text') }, /cannot be read: .*\(check: archive\)/],
    ['that is cut short and signed so', { bytes: (content) => content.subarray(0, 5000) }, /\(check: archive\)/],
  ])('one %s', async (_, change, why) => {
    await refused(releases.change(first, await testFolder('change'), change), why);
  });

  test.each([
    ['has a name that leaves it', [{ name: 'daemon-1.0.0/../../evil' }]],
    ['has an absolute name', [{ name: '/tmp/evil' }]],
    ['has a second root', [{ name: 'daemon-1.0.0/VERSION' }, { name: 'other/VERSION' }]],
    ['has a link', [{ name: 'daemon-1.0.0/lib', type: 'symlink' as const, linkname: '/etc' }]],
    [
      'has a hard link',
      [{ name: 'daemon-1.0.0/a' }, { name: 'daemon-1.0.0/b', type: 'link' as const, linkname: 'daemon-1.0.0/a' }],
    ],
    ['has a program with setuid', [{ name: 'daemon-1.0.0/bin/daemon', mode: 0o4755 }]],
    ['has a name with control characters', [{ name: 'daemon-1.0.0/a\u001b[2Jb' }]],
    ['has a name with a line break', [{ name: 'daemon-1.0.0/a\n/etc/b' }]],
    ['has a name twice', [{ name: 'daemon-1.0.0/VERSION' }, { name: 'daemon-1.0.0/VERSION' }]],
  ])('a signed archive that %s', async (_, entries) => {
    const folder = await testFolder('archive');
    await refused(
      await archiveOf(
        folder,
        entries.map((entry) => ({ ...entry })),
      ),
      /an entry that is not unpacked: .*\(check: archive\)/,
    );
    expect(existsSync('/tmp/evil')).toBe(false);
  });

  test('where programs are missing that it needs, all of them named', async () => {
    const path = join(await testFolder('path'), 'bin');
    mkdirSync(path);
    for (const folder of ['/bin', '/usr/bin', '/sbin', '/usr/sbin']) {
      for (const name of readdirSync(folder)) {
        if (/^(openssl|sha256sum)$/.test(name) || existsSync(join(path, name))) continue;
        symlinkSync(join(folder, name), join(path, name));
      }
    }
    await refused(first, /these programs are missing here: openssl sha256sum\n/, { env: { PATH: path } });
  });
});

describe('undone, once it has begun', () => {
  test('one whose content is of another version than it says', async () => {
    const root = await image();
    const before = treeOf(root);
    const archive = releases.change(first, await testFolder('version'), { manifest: { version: '3.0.0' } });
    const { code, stderr } = await install(root, archive);
    expect(code).toBe(1);
    expect(stderr).toBe(
      'install.sh: the archive holds 1.0.0, not 3.0.0 (check: version)\ninstall.sh: everything is as it was before\n',
    );
    expect(treeOf(root)).toEqual(before);
  });

  test('one that does not run on this host', async () => {
    const root = await image();
    expect(await install(root, first)).toMatchObject({ code: 0 });
    const before = treeOf(root);
    const { code, stderr } = await install(root, second, { env: { DAEMON_NODE: '/bin/false' } });
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('does not run on this host') });
    expect(treeOf(root)).toEqual(before);
  });

  test.skipIf(!asRoot)('a file system that gets full (needs root, for a small one)', async () => {
    const root = await image();
    const whole = await image();
    expect(await install(whole, first)).toMatchObject({ code: 0 });
    const needed = spawnSync('du', ['-sk', join(whole, 'opt')], { encoding: 'utf8' }).stdout;
    for (const part of [0.1, 0.4, 0.7, 0.95]) {
      const kilobytes = Math.floor(Number.parseInt(needed, 10) * part);
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', join(root, 'opt')]);
      expect(mounted.status).toBe(0);
      try {
        const before = treeOf(root);
        const { code, stderr } = await install(root, first);
        expect({ code, stderr }).toMatchObject({
          code: 1,
          stderr: expect.stringMatching(
            /(could not be (copied|unpacked)|No space left)(.|\n)*everything is as it was before/,
          ),
        });
        expect(treeOf(root)).toEqual(before);
      } finally {
        expect(spawnSync('umount', [join(root, 'opt')]).status).toBe(0);
      }
    }
  });

  test('another run at the same time is refused', async () => {
    const root = await image();
    const work = join(root, 'opt/daemon/.install');
    mkdirSync(work, { recursive: true });
    const started = readFileSync('/proc/self/stat', 'utf8').replace(/.*\) /, '').split(' ')[19];
    writeFileSync(join(work, 'owner'), `${process.pid} ${started}\n`);
    const before = treeOf(root);
    const { code, stderr } = await install(root, first);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `install.sh: another installation is at work, pid ${process.pid}\n`,
    });
    expect(treeOf(root)).toEqual(before);
    // a process of the same number that began at another time is not that one
    writeFileSync(join(work, 'owner'), `${process.pid} ${Number(started) - 1}\n`);
    expect(await install(root, first)).toMatchObject({ code: 0 });
  });
});
