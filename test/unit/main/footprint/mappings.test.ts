import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  asPairs,
  givable,
  headsOf,
  isBeingWritten,
  type Mapping,
  mappedFiles,
  mayHoldLockTable,
  PAGE_BYTES,
  parseSmaps,
  stillMapped,
} from '../../../../src/main/footprint/mappings.ts';
import { mapsOf, NODE, smapsOf } from './smaps.ts';

const TEXT = { range: '1000-3000' };
const parse = (text: string): Mapping[] => parseSmaps(Buffer.from(text, 'latin1'));
/** Of texts: whatever has a path counts as linked, so that only what the mapping itself is decides. */
const givableOf = (mappings: Mapping[]): Mapping[] =>
  givable(mappings, NODE, new Set(mappings.map(({ path }) => path)));
const first = (text: string): Mapping | undefined => parse(text)[0];
/** Of the text of the program and one more, whether the other one may be given back. */
const mayGo = (other: Parameters<typeof smapsOf>[0]): boolean =>
  givableOf(parse(smapsOf(TEXT, other))).some(({ start }) => start === Number.parseInt(other.range, 16));

describe('parseSmaps', () => {
  test.runIf(process.platform === 'linux')('reads that of this process: its text among others, in order', () => {
    const mappings = parseSmaps(readFileSync('/proc/self/smaps'));
    expect(mappings.length).toBeGreaterThan(10);
    for (const [at, { start, end, permissions, rssBytes, head, path }] of mappings.entries()) {
      if (path === '[vsyscall]') continue; // beyond what a number holds
      expect(end).toBeGreaterThan(start);
      expect(start).toBeGreaterThanOrEqual(mappings[at - 1]?.end ?? 0);
      expect(permissions).toMatch(/^[-r][-w][-x][sp]$/);
      expect(rssBytes % 1024).toBe(0);
      expect(rssBytes).toBeLessThanOrEqual(end - start);
      expect(head.startsWith(`${start.toString(16).padStart(8, '0')}-${end.toString(16).padStart(8, '0')} `)).toBe(
        true,
      );
    }
    expect(mappings.some(({ path }) => path === '[stack]')).toBe(true);
    const given = givable(mappings, process.execPath, mappedFiles(readFileSync('/proc/self/maps')));
    expect(given.some(({ path, permissions }) => path === process.execPath && permissions === 'r-xp')).toBe(true);
    for (const mapping of given) {
      expect(mapping).toMatchObject({ privateDirtyBytes: 0, anonymousBytes: 0, swapBytes: 0 });
      expect(mapping.permissions).toMatch(/^.-.p$/);
    }
    // files that are mapped do not move by themselves: what was found is there in maps too
    expect(stillMapped(headsOf(given), readFileSync('/proc/self/maps'))).toBe(true);
  });

  test('takes the figures that are wanted, and not those whose names only begin or end alike', () => {
    const text = smapsOf({ range: '7f00aa000-7f00ab000', rssKb: 12, dirtyKb: 3, anonymousKb: 1, swapKb: 2, inode: 99 });
    expect(first(`${text}OtherRss: 5 kB\nRss_Other: 5 kB\nNotAnonymous: 5 kB\nPrivate_Dirty_Once: 5 kB\n`)).toEqual({
      ...{ start: 0x7f00aa000, end: 0x7f00ab000, permissions: 'r-xp', inode: 99, path: NODE },
      ...{ pageBytes: 4096, rssBytes: 12_288, privateDirtyBytes: 3072, anonymousBytes: 1024, swapBytes: 2048 },
      head: '7f00aa000-7f00ab000 r-xp 00001000 fe:00 99',
    });
  });

  test('an empty text is no mapping; the last line may lack its end', () => {
    expect(parse('')).toEqual([]);
    expect(parse(smapsOf(TEXT).trimEnd())).toEqual(parse(smapsOf(TEXT)));
  });

  test.each([
    ['', ''],
    ['[heap]', '[heap]'],
    ['[vvar_vclock]', '[vvar_vclock]'],
    ['/opt/some node/with  blanks', '/opt/some node/with  blanks'],
    ['/opt/node (deleted)', '/opt/node (deleted)'],
    ['/opt/\xc3\xa9', '/opt/\xc3\xa9'],
    ['//anon\\012x', '//anon\\012x'],
  ])('a path %j is taken as it is, and no part of the head', (path, expected) => {
    const mapping = first(smapsOf({ ...TEXT, path }));
    expect(mapping).toMatchObject({ path: expected, head: '1000-3000 r-xp 00001000 fe:00 7' });
  });

  test('an address of the kernel, beyond 2^53, does no harm', () => {
    const vsyscall = { range: 'ffffffffff600000-ffffffffff601000', permissions: '--xp', inode: 0, path: '[vsyscall]' };
    expect(parse(smapsOf(vsyscall, TEXT))).toHaveLength(2);
    expect(givableOf(parse(smapsOf(vsyscall, TEXT)))).toHaveLength(1);
  });

  const whole = smapsOf(TEXT);
  test.each([
    ['an empty line', `${whole}\n${whole}`, 'not a line of smaps: ""'],
    ['a head without an inode', '1000-3000 r-xp 00001000 fe:00\n', '"1000-3000 r-xp 00001000 fe:00"'],
    ['a head that is cut', `${whole}3000-40`, 'not a line of smaps: "3000-40"'],
    ['permissions that are none', smapsOf({ ...TEXT, permissions: 'r-zp' }), 'r-zp 00001000'],
    ['a figure before any mapping', 'Rss:       4 kB\n', 'not a line of smaps: "Rss:       4 kB"'],
    ['a figure without its unit', whole.replace(/Rss: .*/, 'Rss:       4'), 'not a line of smaps: "Rss:       4"'],
    ['another unit', whole.replace(/Anonymous: .*/, 'Anonymous: 4 MB'), 'not a line of smaps: "Anonymous: 4 MB"'],
    ['a negative figure', whole.replace(/Private_Dirty: .*/, 'Private_Dirty: -4 kB'), '"Private_Dirty: -4 kB"'],
    ['a figure that is cut', whole.slice(0, whole.indexOf('Anonymous:') + 20), 'not a line of smaps: "Anonymous:'],
    [
      'an end before all figures',
      whole.slice(0, whole.indexOf('Anonymous:')),
      'how 1000-3000 r-xp 00001000 fe:00 7 is',
    ],
    ['a name that is cut', whole.slice(0, whole.indexOf('Anonymous:') + 5), 'how 1000-3000 r-xp 00001000 fe:00 7 is'],
    [
      'one that lacks a figure, not the last',
      whole.replace(/Rss: .*\n/, '') + whole,
      'smaps does not say how 1000-3000',
    ],
  ])('%s: an error that shows it', (_, text, reason) => {
    expect(() => parse(text)).toThrow(reason);
  });
});

describe('givable', () => {
  test.each([
    ['read-only data of the program', { range: '3000-4000', permissions: 'r--p' }],
    ['a library, by whatever name', { range: '3000-4000', inode: 8, path: '/lib/a b.so (deleted)' }],
    ['what may not even be read', { range: '3000-4000', permissions: '---p' }],
    ['what is not there now', { range: '3000-4000', rssKb: 0 }],
  ])('%s', (_, other) => {
    expect(mayGo(other)).toBe(true);
  });

  test.each([
    ['protected after it was relocated', { range: '3000-4000', permissions: 'r--p', anonymousKb: 4 }],
    ['relocated, protected and swapped out since', { range: '3000-4000', permissions: 'r--p', rssKb: 0, swapKb: 4 }],
    ['with a page that is yet to be written', { range: '3000-4000', dirtyKb: 4 }],
    ['writable', { range: '3000-4000', permissions: 'rw-p' }],
    ['writable text', { range: '3000-4000', permissions: 'rwxp' }],
    ['shared with others', { range: '3000-4000', permissions: 'r--s' }],
    ['without a name', { range: '3000-4000', permissions: 'r--p', inode: 0, path: '' }],
    ['the heap', { range: '3000-4000', permissions: 'r--p', inode: 0, path: '[heap]' }],
    ['of the kernel', { range: '3000-4000', permissions: 'r--p', inode: 0, path: '[vvar]' }],
    ['named by the program itself', { range: '3000-4000', permissions: 'r--p', inode: 0, path: '[anon:v8]' }],
    ['with an inode and no path', { range: '3000-4000', permissions: 'r--p', inode: 5, path: 'anon_inode:x' }],
    ['with a path and no inode', { range: '3000-4000', permissions: 'r--p', inode: 0 }],
    ['of larger pages', { range: '10000-20000', path: '/lib/huge', pageKb: 64 }],
    ['that does not begin with a page', { range: '3800-5000' }],
    ['that does not end with one', { range: '3000-4800' }],
    ['empty', { range: '3000-3000' }],
  ])('not one that is %s', (_, other) => {
    expect(mayGo(other)).toBe(false);
  });

  test.each([
    ['is not there', { path: '/opt/other' }],
    ['has been replaced since', { path: `${NODE} (deleted)` }],
    ['is writable', { permissions: 'rwxp' }],
    ['is only read', { permissions: 'r--p' }],
    ['holds a breakpoint', { dirtyKb: 4, anonymousKb: 4 }],
    ['holds one that is swapped out', { swapKb: 4 }],
  ])('nothing where the text of the program %s', (_, over) => {
    const mappings = parse(smapsOf({ ...TEXT, ...over }, { range: '3000-4000', path: '/lib/a.so' }));
    expect(() => givableOf(mappings)).toThrow(`the text of ${NODE} is not mapped as it should be`);
  });

  test('a kernel with larger pages: nothing, and that is said', () => {
    expect(() => givableOf(parse(smapsOf({ range: '10000-30000', pageKb: 64 })))).toThrow('pages of 64 KiB');
  });
});

describe('isBeingWritten', () => {
  const written = (...entries: Parameters<typeof smapsOf>): boolean =>
    isBeingWritten(parse(smapsOf(...entries)), new Set([NODE, '/lib/a.so']));

  test.each([
    ['the program', { ...TEXT, dirtyKb: 8 }],
    ['its data', { ...TEXT, permissions: 'r--p', dirtyKb: 4 }],
    ['a library that it is linked with', { ...TEXT, path: '/lib/a.so', dirtyKb: 4 }],
  ])('where pages of %s are not on the disk yet', (_, entry) => {
    expect(written({ range: '0-1000' }, entry)).toBe(true);
  });

  test.each([
    ['all is on it', TEXT],
    ['it is another file', { ...TEXT, path: '/lib/b.so', dirtyKb: 4 }],
    ['pages were written to through the mapping', { ...TEXT, dirtyKb: 4, anonymousKb: 4 }],
    ['pages may be written to', { ...TEXT, permissions: 'rw-p', dirtyKb: 4 }],
  ])('not where %s', (_, entry) => {
    expect(written({ range: '0-1000' }, entry)).toBe(false);
  });
});

describe('stillMapped', () => {
  const library = { range: '7f0000003000-7f0000005000', permissions: 'r--p', inode: 8, path: '/lib/a b.so' };
  const heads = headsOf(parse(smapsOf(TEXT, library)));
  const stands = (...entries: Parameters<typeof mapsOf>): boolean =>
    stillMapped(heads, Buffer.from(mapsOf(...entries), 'latin1'));

  test('as it was, among others and under another name', () => {
    expect(stands(TEXT, library)).toBe(true);
    expect(stands({ range: '0-1000' }, TEXT, { range: '4000-5000' }, library)).toBe(true);
    expect(stands(TEXT, { ...library, path: `${library.path} (deleted)` })).toBe(true);
  });

  test.each([
    ['gone', null],
    ['elsewhere', { range: '7f0000004000-7f0000006000' }],
    ['shorter', { range: '7f0000003000-7f0000004000' }],
    ['writable', { permissions: 'rw-p' }],
    ['shared', { permissions: 'r--s' }],
    ['another file', { inode: 9 }],
    ['a file whose number begins alike', { inode: 88 }],
  ])('not where one is %s', (_, over) => {
    expect(stands(TEXT, ...(over ? [{ ...library, ...over }] : []))).toBe(false);
  });
});

describe('mayHoldLockTable', () => {
  const table = { range: '100000-210000', permissions: 'rw-p', inode: 0, path: '', rssKb: 1028 };
  const found = (...entries: Parameters<typeof smapsOf>): number[] =>
    mayHoldLockTable(parse(smapsOf(...entries))).map(({ start }) => start);

  test.each([
    ['memory of its own', table],
    ['joined with its neighbour', { ...table, range: '100000-220000' }],
    ['with the name that abseil gives it where it can', { ...table, path: '[anon:absl]' }],
    ['of which a little is not there', { ...table, rssKb: 970 }],
  ])('%s', (_, entry) => {
    expect(found(TEXT, entry)).toEqual([0x100000]);
  });

  test('each that may: which it is, is for the native call to tell', () => {
    expect(found(table, TEXT, { ...table, range: '300000-410000' })).toEqual([0x100000, 0x300000]);
  });

  test.each([
    ['too small', { ...table, range: '100000-1ff000' }],
    ['too large', { ...table, range: '100000-300000' }],
    ['hardly there', { ...table, rssKb: 900 }],
    ['the heap', { ...table, path: '[heap]' }],
    ['somebody else’s by its name', { ...table, path: '[anon:v8]' }],
    ['a file', { ...table, inode: 5 }],
    ['only read', { ...table, permissions: 'r--p' }],
    ['code', { ...table, permissions: 'rwxp' }],
    ['shared', { ...table, permissions: 'rw-s' }],
  ])('none that is %s', (_, entry) => {
    expect(found(TEXT, entry)).toEqual([]);
  });
});

test('pairs are addresses and lengths, up to the largest address of a program', () => {
  expect(asPairs([])).toEqual(new BigUint64Array());
  const ranges = [
    { start: 0x7fff_ffff_e000, end: 0x7fff_ffff_f000 },
    { start: 0x1000, end: 0x4000 },
  ];
  expect(asPairs(ranges)).toEqual(BigUint64Array.of(0x7fff_ffff_e000n, BigInt(PAGE_BYTES), 0x1000n, 0x3000n));
});

describe('what is linked', () => {
  const loaded = { range: '20000-24000', permissions: 'r--p', inode: 8, path: '/opt/plugin.node' };

  test('the files of maps, and nothing without a file', () => {
    const heap = { range: '30000-31000', permissions: 'rw-p', inode: 0, path: '[heap]' };
    const unnamed = { range: '40000-41000', permissions: 'rw-p', inode: 0, path: '' };
    expect(mappedFiles(Buffer.from(mapsOf(TEXT, loaded, heap, unnamed)))).toEqual(new Set([NODE, loaded.path]));
  });

  test('not those that are only shared, or only written to: nothing of them is ever given back', () => {
    const shared = { ...loaded, path: '/dev/shm/a', permissions: 'r--s' };
    const written = { ...loaded, path: '/var/lib/b', permissions: 'rw-p' };
    const spaced = { ...loaded, path: '/opt/a b.so (deleted)' };
    expect(mappedFiles(Buffer.from(mapsOf(TEXT, shared, written, spaced)))).toEqual(new Set([NODE, spaced.path]));
  });

  test('a library that was loaded later is never given back: it may be unloaded, and its addresses used again', () => {
    const given = givable(parse(smapsOf(TEXT, loaded)), NODE, new Set([NODE]));
    expect(given.map(({ path }) => path)).toEqual([NODE]);
  });
});
