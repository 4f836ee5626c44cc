import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { mayWrite, writersBy, writersOf } from '../../../../src/ctl/doctor/writers.ts';
import { testFolder } from '../../../support/temp-folder.ts';

const AS_ROOT = process.getuid?.() === 0;
const TRUSTED = [0, process.getuid?.() ?? 0];

describe('by the bits of one place', () => {
  test.each([
    [0o644, 0, 0, []],
    [0o646, 0, 0, ['everybody']],
    [0o664, 0, 0, []],
    [0o664, 0, 5, ['group']],
    [0o666, 7, 5, ['everybody', 'group']],
    [0o600, 8, 0, ['owner']],
  ])('mode %o of %i:%i', (mode, uid, gid, kinds) => {
    expect(writersBy({ mode, uid, gid }, [0, 7]).map(({ kind }) => kind)).toEqual(kinds);
  });

  test.each([
    [0o700, 7, 5, true],
    [0o500, 7, 5, false],
    [0o077, 7, 5, false], // the owner's bits count for the owner, whatever the others are
    [0o070, 8, 5, true],
    [0o707, 8, 5, false],
    [0o707, 8, 6, true],
    [0o702, 8, 6, false],
  ])('user 7 of group 5 in a folder of mode %o of %i:%i', (mode, uid, gid, may) => {
    expect(mayWrite({ mode, uid, gid }, { uid: 7, groups: [5] })).toBe(may);
    expect(mayWrite({ mode, uid, gid }, { uid: 0, groups: [] })).toBe(true);
  });
});

describe('with the folders above', () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await testFolder('writers');
    mkdirSync(join(folder, 'deep'), { mode: 0o755 });
    file = join(folder, 'deep/file');
    writeFileSync(file, '', { mode: 0o644 });
    chmodSync(join(folder, 'deep'), 0o755);
    chmodSync(file, 0o644);
  });

  test('nobody else, in a folder that only its owner may write', () => {
    expect(writersOf(file, TRUSTED)).toEqual([]);
  });

  test('one above that everybody may write, but not where its files are their owners’', () => {
    chmodSync(join(folder, 'deep'), 0o777);
    expect(writersOf(file, TRUSTED)).toEqual([
      { kind: 'everybody', id: 0, place: join(folder, 'deep'), mode: '0777' },
      ...(AS_ROOT ? [] : [expect.objectContaining({ kind: 'group' })]),
    ]);
    chmodSync(join(folder, 'deep'), 0o1777);
    expect(writersOf(file, TRUSTED)).toEqual([]);
  });

  test('of a link: what it leads to, and where it lies', () => {
    mkdirSync(join(folder, 'links'), { mode: 0o755 });
    const link = join(folder, 'links/link');
    symlinkSync(file, link);
    expect(writersOf(link, TRUSTED)).toEqual([]);
    chmodSync(file, 0o646);
    expect(writersOf(link, TRUSTED)).toMatchObject([{ kind: 'everybody', place: link }]);
    chmodSync(file, 0o644);
    for (const place of ['links', 'deep']) {
      chmodSync(join(folder, place), 0o757);
      expect(writersOf(link, TRUSTED)).toMatchObject([{ kind: 'everybody', place: join(folder, place) }]);
      chmodSync(join(folder, place), 0o755);
    }
  });

  test.skipIf(!AS_ROOT)('somebody else’s file, folder, link (skipped where files cannot be given away)', () => {
    chownSync(file, 54_321, 0);
    expect(writersOf(file, TRUSTED)).toMatchObject([{ kind: 'owner', id: 54_321, place: file }]);
    expect(writersOf(file, [0, 54_321])).toEqual([]);
    chownSync(file, 0, 0);
    chownSync(join(folder, 'deep'), 54_321, 54_321);
    chmodSync(join(folder, 'deep'), 0o1775);
    expect(writersOf(file, TRUSTED)).toMatchObject([{ kind: 'owner', place: join(folder, 'deep') }]);
  });

  test('what is not there is the caller’s to know', () => {
    expect(() => writersOf(join(folder, 'none'), TRUSTED)).toThrow('ENOENT');
  });
});
