import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { TaskProgress, UnpackInput, UnpackOutput } from '../../../../src/shared/contracts/pool-tasks.ts';
import { describe as told } from '../../../../src/shared/errors/daemon-error.ts';
import { unpack } from '../../../../src/workers/update/unpack.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { claimSize, END, type Entry, MTIME, tar, tarEntry, tarGz, typeFlag } from './unpack-archives.ts';

const MIB = 1024 * 1024;
const LIMITS = { maxFiles: 12, maxBytes: 4 * MIB, maxDepth: 3 };

let folder: string;
let input: UnpackInput;
let progress: TaskProgress[];

beforeEach(async () => {
  folder = await testFolder('unpack');
  input = {
    archive: join(folder, 'p.tar.gz'),
    to: join(folder, 'release'),
    limits: LIMITS,
    reserveBytes: 0,
    sha256: '',
  };
  progress = [];
});

function run(over: Partial<UnpackInput> = {}): Promise<UnpackOutput> {
  return unpack({ ...input, ...over }, { progress: (now) => progress.push(now) });
}

async function unpacked(entries: readonly Entry[], over: Partial<UnpackInput> = {}): Promise<UnpackOutput> {
  writeFileSync(input.archive, await tarGz(entries));
  return run(over);
}

/** It is refused with that code and reason, and nothing but the archive is there. */
async function expectRefusal(reason: string | RegExp, code = 'D4002', over: Partial<UnpackInput> = {}): Promise<void> {
  const before = readdirSync(folder).sort();
  const error: unknown = await run(over).then(
    () => 'it was unpacked',
    (failure: unknown) => failure,
  );
  expect(told(error)).toMatch(reason);
  expect(error).toMatchObject({ code });
  if (code === 'D4002') expect((error as Error).message).toMatch(/ \(check: archive\)$/);
  expect(readdirSync(folder).sort()).toEqual(before);
}

const ROOT: Entry = { name: 'r/', type: 'directory' };
const file = (name: string, content = 'x', over: Partial<Entry> = {}): Entry => ({ name, content, ...over });
const folderOf = (name: string, over: Partial<Entry> = {}): Entry => ({ name, type: 'directory', ...over });
const symlink = (name: string, linkname: string): Entry => ({ name, type: 'symlink', linkname });
const hardLink = (name: string, linkname: string): Entry => ({ name, type: 'link', linkname });

describe('what is unpacked', () => {
  test('files, folders and links, with their modes and times and nothing more', async () => {
    const answer = await unpacked([
      folderOf('./', { mode: 0o700 }),
      folderOf('./r/', { mode: 0o700 }),
      file('./r/bin/daemon', 'program', { mode: 0o711 }),
      file('./r/VERSION', '1.2.3\n', { mode: 0o666, uid: 4711, gid: 4711 }),
      file('./r/others-execute', '', { mode: 0o655 }),
      folderOf('./r/bin/', { mode: 0o777 }),
      folderOf('./r/empty'),
      symlink('./r/link', 'bin/daemon'),
      symlink('./r/bin/up', '../VERSION'),
      symlink('./r/self', '.'),
      hardLink('./r/bin/again', './r/bin/daemon'),
    ]);
    expect(answer).toEqual({ root: 'r', files: 7, bytes: 13 });
    expect(readdirSync(input.to).sort()).toEqual(['VERSION', 'bin', 'empty', 'link', 'others-execute', 'self']);
    const at = (path: string): string => join(input.to, path);
    const mode = (path: string): string => (lstatSync(at(path)).mode & 0o7777).toString(8);
    expect(['', 'bin', 'empty', 'bin/daemon', 'VERSION', 'others-execute'].map(mode)).toEqual([
      '755',
      '755',
      '755',
      '755',
      '644',
      '644',
    ]);
    expect(readFileSync(at('link'), 'utf8')).toBe('program');
    expect(readlinkSync(at('bin/up'))).toBe('../VERSION');
    expect(realpathSync(at('self'))).toBe(realpathSync(input.to));
    expect(lstatSync(at('bin/again')).ino).toBe(lstatSync(at('bin/daemon')).ino);
    for (const path of ['', 'bin', 'empty', 'VERSION']) expect(lstatSync(at(path)).mtimeMs).toBe(MTIME.getTime());
    expect(lstatSync(at('VERSION')).uid).toBe(process.getuid?.());
    expect(readdirSync(folder).sort()).toEqual(['p.tar.gz', 'release']);
    expect(progress.at(-1)?.total).toBe(lstatSync(input.archive).size);
  });

  test('folders that have no entry of their own', async () => {
    expect(await unpacked([file('r/a/b/c', 'deep')])).toEqual({ root: 'r', files: 1, bytes: 4 });
    expect(readFileSync(join(input.to, 'a/b/c'), 'utf8')).toBe('deep');
    expect(lstatSync(join(input.to, 'a/b')).mode & 0o7777).toBe(0o755);
  });

  test('long names, names in other scripts, and large contents', async () => {
    const name = `r/${'ж'.repeat(100)}/${'x'.repeat(200)}`;
    const content = Buffer.alloc(3 * MIB, 'content of a file, ');
    await unpacked([ROOT, { name, content }]);
    expect(readFileSync(join(input.to, name.slice(2))).equals(content)).toBe(true);
    expect(progress.length).toBeGreaterThan(1);
  });

  test.each(['gnu', 'ustar', 'pax'])('what tar itself writes, format %s', async (format) => {
    const source = join(folder, 'source');
    mkdirSync(join(source, 'r', 'y'.repeat(90), 'z'.repeat(90)), { recursive: true });
    writeFileSync(join(source, 'r', 'y'.repeat(90), 'z'.repeat(90), 'f'), 'content');
    symlinkSync('y'.repeat(90), join(source, 'r', 'link'));
    const made = spawnSync('tar', ['-C', source, `--format=${format}`, '-czf', input.archive, './r']);
    expect(made.stderr.toString()).toBe('');
    expect(await run()).toEqual({ root: 'r', files: 2, bytes: 7 });
    expect(readFileSync(join(input.to, 'link', 'z'.repeat(90), 'f'), 'utf8')).toBe('content');
  });

  test('an archive in several gzip members', async () => {
    const whole = await tar([ROOT, file('r/a', 'first'), file('r/b', 'second')]);
    writeFileSync(input.archive, Buffer.concat([gzipSync(whole.subarray(0, 1000)), gzipSync(whole.subarray(1000))]));
    expect(await run()).toEqual({ root: 'r', files: 2, bytes: 11 });
  });

  test('as many files, bytes and folders as are allowed, exactly', async () => {
    const limits = { maxFiles: 3, maxBytes: 10, maxDepth: 2 };
    expect(await unpacked([ROOT, file('r/a/b/c', '0123456789')], { limits })).toMatchObject({ bytes: 10 });
  });

  test('what an earlier call that was cut short has left is removed', async () => {
    for (const name of [`.release.part-${process.pid}`, '.release.part-1']) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'half'), 'x');
    }
    writeFileSync(join(folder, '.release.part-of-something'), 'kept');
    await unpacked([ROOT, file('r/a')]);
    expect(readdirSync(input.to)).toEqual(['a']);
    expect(readdirSync(folder).sort()).toEqual(['.release.part-of-something', 'p.tar.gz', 'release']);
  });
});

const REFUSED: [what: string, reason: string, ...entries: Entry[]][] = [
  ['no entry', 'it has no root folder'],
  ['only ./', 'it has no root folder', folderOf('./')],
  ['an absolute path', '"/etc/x" has a name that is absolute', ROOT, file('/etc/x')],
  ['..', '"r/../../x" has a name that has ..', ROOT, file('r/../../x')],
  ['.. that would stay inside', '"r/a/../x" has a name that has ..', ROOT, file('r/a/../x')],
  ['.. in a pax header', '"../ж" has a name that has ..', ROOT, file('../ж')],
  ['a pax header that says another path', '"../x" has a name', ROOT, file('r/a', 'x', { pax: { path: '../x' } })],
  ['a backslash', '"r/..\\\\x" has a name that has a backslash', ROOT, file('r/..\\x')],
  ['a line feed', '"r/a\\nb" has a name that has control characters', ROOT, file('r/a\nb')],
  ['an escape', 'has a name that has control characters', ROOT, file('r/\u001b[2J')],
  ['a C1 control character', '"r/?" has a name that has control characters', ROOT, file('r/\u009b')],
  ['a NUL by pax', 'has a name that has control characters', ROOT, file('r/x', '', { pax: { path: 'r/x\0y' } })],
  ['no UTF-8', 'not UTF-8', ROOT, file('r/xx', '', { patch: (header) => header.writeUInt8(0xff, 2) })],
  ['an empty name', '"" has a name that is empty', ROOT, file('', 'x')],
  ['a file named .', '"." has a name that is not one', ROOT, file('.')],
  ['a file with the name of a folder', '"r/a/" has the name of a folder and is none', ROOT, file('r/a/', '')],
  ['a long part', 'has a part of more than 255 bytes', ROOT, file(`r/${'x'.repeat(256)}`)],
  ['a long path', 'is longer than 1024 bytes', ROOT, file(`r/${'x/'.repeat(520)}y`)],
  ['two root folders', '"s/" lies beside "r"', ROOT, folderOf('s/')],
  ['a file in another root', '"s/x" lies beside "r"', ROOT, file('s/x')],
  ['a file beside the root', '"x" lies beside "r"', ROOT, file('x')],
  ['a file as the root', '"r" lies beside the root folder', file('r')],
  ['a link as the root', '"r" lies beside the root folder', symlink('r', 'x')],
  ['a file in the place of the root', '"r" lies beside the root folder', ROOT, file('r')],
  ['an absolute link', 'target "/etc/passwd" is absolute', ROOT, symlink('r/l', '/etc/passwd')],
  ['a link out', '"r/l" to "../x" leads out of its root', ROOT, symlink('r/l', '../x')],
  ['a link out and in again', 'leads out of its root', ROOT, symlink('r/l', '../r/x')],
  ['a deep link out', 'leads out of its root', ROOT, symlink('r/a/l', '../b/../../../x')],
  ['a link without a target', 'target "" is empty', ROOT, symlink('r/l', '')],
  ['a link with control characters', 'whose target "a\\nb" has control', ROOT, symlink('r/l', 'a\nb')],
  [
    'a link out through another link',
    '"r/a" to "d/l/../x" leads out of its root',
    ROOT,
    symlink('r/a', 'd/l/../x'),
    symlink('r/d/l', '..'),
  ],
  ['links in a circle', 'leads in a circle', ROOT, symlink('r/a', 'b'), symlink('r/b', 'a')],
  ['a file behind a link', 'lies behind the symbolic link "l"', ROOT, symlink('r/l', 'd'), file('r/l/x')],
  ['a folder behind a link', 'lies behind the symbolic link "l"', ROOT, symlink('r/l', '.'), folderOf('r/l/x')],
  ['a link behind a link', 'lies behind the symbolic link', ROOT, symlink('r/l', '.'), symlink('r/l/x', 'y')],
  ['a file over a link', '"r/l" is there twice', ROOT, symlink('r/l', 'x'), file('r/l')],
  ['a folder over a link', '"r/l" is there as a folder and', ROOT, symlink('r/l', 'x'), folderOf('r/l')],
  ['a hard link out', 'target "../x" has ..', ROOT, hardLink('r/h', '../x')],
  ['an absolute hard link', 'target "/etc/passwd" is absolute', ROOT, hardLink('r/h', '/etc/passwd')],
  ['a hard link to what is not there', 'hard link to "r/x", which is no file', ROOT, hardLink('r/h', 'r/x')],
  ['a hard link to what comes later', 'which is no file', ROOT, hardLink('r/h', 'r/x'), file('r/x')],
  ['a hard link to a folder', 'which is no file', ROOT, folderOf('r/d'), hardLink('r/h', 'r/d')],
  ['a hard link to a link', 'which is no file', ROOT, symlink('r/l', 'x'), hardLink('r/h', 'r/l')],
  ['a hard link by another root', 'which is no file', ROOT, file('r/x'), hardLink('r/h', 's/x')],
  ['a fifo', 'is of the type fifo', ROOT, { name: 'r/x', type: 'fifo' }],
  ['a character device', 'type character-device', ROOT, { name: 'r/x', type: 'character-device' }],
  ['a block device', 'type block-device', ROOT, { name: 'r/x', type: 'block-device' }],
  ['a contiguous file', 'type contiguous-file', ROOT, { name: 'r/x', type: 'contiguous-file' }],
  ['an unknown type', 'type unknown', ROOT, file('r/x', '', { patch: typeFlag('Z') })],
  ['a sparse file', 'is a sparse file', ROOT, file('r/x', '', { pax: { 'GNU.sparse.major': '1' } })],
  ['setuid', '"r/x" has the setuid, setgid or sticky bit', ROOT, file('r/x', '', { mode: 0o4755 })],
  ['setgid of a folder', 'has the setuid', ROOT, folderOf('r/x', { mode: 0o2755 })],
  ['sticky root', '"r/" has the setuid', folderOf('r/', { mode: 0o1777 })],
  ['a file twice', '"r/x" is there twice', ROOT, file('r/x', 'a'), file('r/x', 'b')],
  ['a file twice, written differently', '"r/.//x" is there twice', ROOT, file('r/x'), file('r/.//x')],
  ['a folder twice', '"r/x/" is there twice', ROOT, folderOf('r/x'), folderOf('r/x/')],
  ['a root twice', '"r/" is there twice', ROOT, ROOT],
  ['a folder and a file', '"r/x" is there as a folder and', ROOT, folderOf('r/x'), file('r/x')],
  ['a file and a folder', '"r/x" is there as a folder and', ROOT, file('r/x'), folderOf('r/x')],
  ['an implied folder and a file', 'is there as a folder and', ROOT, file('r/x/y'), file('r/x')],
  ['a file below a file', 'lies below "x", which is a file', ROOT, file('r/x'), file('r/x/y')],
  ['too deep a file', 'lies deeper than 3 folders', ROOT, file('r/a/b/c/d/x')],
  ['too deep a folder', 'lies deeper than 3 folders', ROOT, folderOf('r/a/b/c/d')],
  ['a folder with content', 'has content though it is no file', folderOf('r', { patch: claimSize(512) })],
  ['a size beyond the limit', 'more than the 4194304 bytes', ROOT, file('r/x', '', { patch: claimSize(4 * MIB + 1) })],
  ['no number as mode', 'that is no number', ROOT, file('r/x', '', { patch: (header) => header.write('zzzz', 100) })],
  [
    'too many files',
    'is one more than the 12 files and folders',
    ROOT,
    ...Array.from({ length: 13 }, (_, i) => file(`r/${i}`)),
  ],
  ['too many folders', 'is one more than the 12', ROOT, ...['a', 'b', 'c', 'd', 'e'].map((n) => file(`r/${n}/x/y`))],
];

describe('what is refused', () => {
  test.each(REFUSED)('%s', async (_what, reason, ...entries) => {
    writeFileSync(input.archive, await tarGz(entries));
    await expectRefusal(new RegExp(reason.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')));
  });

  test('several files that are too much together', async () => {
    writeFileSync(input.archive, await tarGz([2 * MIB, 2 * MIB, 1].map((size, i) => file(`r/${i}`, 'x'.repeat(size)))));
    await expectRefusal('"r/2" brings the content to more than');
  });

  test('a bomb stops when it is larger than anything that is allowed', async () => {
    const bomb = gzipSync(Buffer.concat([await tar([ROOT]), Buffer.alloc(64 * MIB)]));
    writeFileSync(input.archive, bomb);
    await expectRefusal('it unpacks to more than');
    expect(progress.at(-1)?.done).toBeLessThan(bomb.length / 2);
  });

  test('a bomb in a second gzip member', async () => {
    writeFileSync(input.archive, Buffer.concat([await tarGz([ROOT]), gzipSync(Buffer.alloc(64 * MIB))]));
    await expectRefusal('it unpacks to more than');
  });

  test.each([
    ['no gzip', async () => Buffer.from('this is text, and rather long text too')],
    ['nothing', async () => Buffer.alloc(0)],
    ['a gzip that is no tar', async () => gzipSync(Buffer.alloc(2000, 'text'))],
    ['a cut gzip', async () => (await tarGz([ROOT, file('r/x', 'content')])).subarray(0, -9)],
    ['a gzip without its last byte', async () => (await tarGz([ROOT, file('r/x', 'content')])).subarray(0, -1)],
    ['a cut tar', async () => gzipSync((await tar([ROOT, file('r/x', 'y'.repeat(5000))])).subarray(0, 3000))],
    ['garbage after the gzip', async () => Buffer.concat([await tarGz([ROOT]), Buffer.from('garbage')])],
    [
      'a wrong CRC',
      async () => {
        const archive = await tarGz([ROOT, file('r/x', 'content')]);
        archive.writeUInt8(archive.readUInt8(archive.length - 8) ^ 1, archive.length - 8);
        return archive;
      },
    ],
    [
      'a wrong checksum of a header',
      async () => {
        const whole = await tar([ROOT, file('r/x')]);
        whole.write('y', 512 + 2);
        return gzipSync(whole);
      },
    ],
    ['an extended header that is no end', async () => gzipSync(await tarEntry(file('r/ж', 'x'.repeat(900))))],
  ])('damage: %s', async (_what, make) => {
    writeFileSync(input.archive, await make());
    await expectRefusal(/damaged, cut short or no tar\.gz|its end is missing/);
  });

  test('a tar that ends after an entry, without its end mark', async () => {
    writeFileSync(
      input.archive,
      gzipSync((await tar([ROOT, file('r/x', '\0'.repeat(2048))])).subarray(0, -END.length)),
    );
    await expectRefusal('its end is missing');
  });

  test('zeros and more after the gzip', async () => {
    writeFileSync(input.archive, Buffer.concat([await tarGz([ROOT]), Buffer.alloc(10), Buffer.from('hidden')]));
    await expectRefusal('something follows the end of its gzip data');
  });

  test('a symbolic link as the archive', async () => {
    writeFileSync(join(folder, 'other'), await tarGz([ROOT]));
    symlinkSync('other', input.archive);
    await expectRefusal('ELOOP', 'D4003');
  });

  test.each(['a folder', 'a fifo'])('%s as the archive', async (what) => {
    if (what === 'a folder') mkdirSync(input.archive);
    else spawnSync('mkfifo', [input.archive]);
    await expectRefusal('it is not a regular file');
  });
});

describe('what the disk says', () => {
  test('no room for what the archive says that it holds', async () => {
    writeFileSync(input.archive, await tarGz([ROOT, file('r/x')]));
    await expectRefusal('has no room for', 'D4003', { reserveBytes: 2 ** 60 });
  });

  test('something is there already', async () => {
    writeFileSync(input.archive, await tarGz([ROOT]));
    symlinkSync('nowhere', input.to);
    await expectRefusal('is there already', 'D4003');
  });

  test('something comes in its place meanwhile', async () => {
    writeFileSync(input.archive, await tarGz([ROOT]));
    const comes = (): void => {
      if (!existsSync(input.to)) writeFileSync(input.to, 'kept');
    };
    await expect(unpack(input, { progress: comes })).rejects.toMatchObject({ code: 'D4003' });
    expect(readFileSync(input.to, 'utf8')).toBe('kept');
    expect(readdirSync(folder).sort()).toEqual(['p.tar.gz', 'release']);
  });

  test('no such archive, no such folder', async () => {
    await expectRefusal('ENOENT', 'D4003');
    writeFileSync(input.archive, await tarGz([ROOT]));
    await expectRefusal('ENOENT', 'D4003', { to: join(folder, 'none', 'release') });
  });

  test('the disk is full in the middle', async ({ skip }) => {
    const small = join(folder, 'small');
    mkdirSync(small);
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', small]).status !== 0) skip('needs mount');
    onTestFinished(() => void spawnSync('umount', [small]));
    const archive = await tarGz([ROOT, file('r/x', 'x'.repeat(3 * MIB))]);
    archive.writeUInt32LE(0, archive.length - 4); // it says that it is small, which zlib finds out at the end only
    writeFileSync(input.archive, archive);
    await expectRefusal('ENOSPC', 'D4003', { to: join(small, 'release') });
    expect(readdirSync(small)).toEqual([]);
  });

  test('room is looked for again while a large content is written', async () => {
    const limits = { ...LIMITS, maxBytes: 200 * MIB };
    const content = Buffer.alloc(65 * MIB);
    expect(await unpacked([ROOT, { name: 'r/x', content }], { limits })).toMatchObject({ bytes: content.length });
  });

  test('a fault of the code is not blamed on the archive', async () => {
    writeFileSync(input.archive, await tarGz([ROOT]));
    const faulty = (): void => {
      throw new TypeError('no function');
    };
    await expect(unpack(input, { progress: faulty })).rejects.toThrow(new TypeError('no function'));
    expect(readdirSync(folder)).toEqual(['p.tar.gz']);
  });
});
