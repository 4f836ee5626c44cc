/** The calls of the system themselves, by the addon and through koffi, each in a process that it is done to. */
import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { addonInto, koffi, runProgram } from '../../../support/built-addon.ts';
import { testFolder } from '../../../support/temp-folder.ts';

/** Gives back all that may be, some times, and goes on to work. File-backed bytes: before, and after each time. */
const GIVES_BACK = `
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:tls';
import { runInNewContext } from 'node:vm';
import { asPairs, givable, headsOf, mappedFiles, parseSmaps, stillMapped } from './mappings.ts';
import { loadNative } from './native.ts';

const ofFiles = () => {
  const text = readFileSync('/proc/self/smaps_rollup', 'utf8');
  const figure = (name) => Number(new RegExp('^' + name + ': +(\\\\d+) kB$', 'm').exec(text)[1]) * 1024;
  return figure('Rss') - figure('Anonymous');
};

/** A handshake and some bytes, by a key that both know. */
const handshake = () => new Promise((resolve, reject) => {
  const psk = Buffer.alloc(32, 7);
  const common = { ciphers: 'PSK', maxVersion: 'TLSv1.2' };
  const server = createServer({ ...common, pskCallback: () => psk }, (socket) => socket.end('hello'));
  server.on('tlsClientError', reject);
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    const client = connect({
      ...common, port, host: '127.0.0.1', pskCallback: () => ({ psk, identity: 'x' }), checkServerIdentity: () => undefined,
    });
    let text = '';
    client.on('data', (data) => { text += data; }).on('error', reject).on('end', () => server.close(() => resolve(text)));
  });
});

const work = async () => [
  createHash('sha256').update('abc').digest('hex').slice(0, 8),
  runInNewContext('[3, 1, 2].sort().map((n) => new Intl.NumberFormat("en").format(n * 1000)).join(" ")'),
  await handshake(),
];

const main = async () => {
  const { native, why } = await loadNative(__dirname);
  if (!native) throw new Error(why);
  const worked = [await work()];
  const mappings = givable(parseSmaps(readFileSync('/proc/self/smaps')), process.execPath, mappedFiles(readFileSync('/proc/self/maps')));
  const pairs = asPairs(mappings);
  const before = ofFiles();
  const fault = native.calls.withoutFaultAround(pairs);
  const after = [];
  let refused = 0;
  for (let time = 0; time < 3; time++) {
    refused += native.calls.giveBack(pairs);
    after.push(ofFiles());
    worked.push(await work());
  }
  const stand = stillMapped(headsOf(mappings), readFileSync('/proc/self/maps'));
  const odd = BigUint64Array.of(pairs[0] + 1n, 4096n, ...pairs.subarray(0, 2));
  const trims = native.calls.trim();
  const none = native.calls.giveBack(new BigUint64Array());
  console.log(JSON.stringify({
    from: native.from, ranges: mappings.length, before, after, refused, fault, worked, stand, trims, none,
    refusedOdd: native.calls.giveBack(odd), quiet: native.calls.quietMutexes(), worksOn: await work(),
  }));
};
main();`;

const WORK = ['ba7816bf', '1,000 2,000 3,000', 'hello'];

/** Compares with what the kernel says before and after it: pages of the program come in at any moment, none goes. */
const COUNTS = `
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { asPairs, givable, mappedFiles, PAGE_BYTES, parseSmaps } from './mappings.ts';
import { loadNative } from './native.ts';

const present = ({ start, end }) => {
  const entries = Buffer.alloc((end - start) / PAGE_BYTES * 8);
  const file = openSync('/proc/self/pagemap', 'r');
  const length = readSync(file, entries, 0, entries.length, start / PAGE_BYTES * 8);
  closeSync(file);
  if (length !== entries.length) throw new Error('pagemap ended early');
  return Uint8Array.from({ length: entries.length / 8 }, (_, at) => entries[at * 8 + 7] >> 7);
};
const total = (counts) => counts.reduce((sum, count) => sum + count, 0);

loadNative(__dirname).then(({ native, why }) => {
  if (!native) throw new Error(why);
  const all = givable(parseSmaps(readFileSync('/proc/self/smaps')), process.execPath, mappedFiles(readFileSync('/proc/self/maps')));
  const text = all
    .filter(({ path, permissions }) => path === process.execPath && permissions === 'r-xp')
    .reduce((largest, one) => (one.end - one.start > largest.end - largest.start ? one : largest));
  native.calls.giveBack(asPairs(all));
  const range = asPairs([text]);
  const counts = new Uint8Array(Number(range[1]) / PAGE_BYTES);
  const before = present(text);
  const told = native.calls.countPresent(range, counts);
  const after = present(text);
  const once = total(counts);
  const agrees = counts.every((count, at) => before[at] <= count && count <= after[at]);
  const toldAgain = native.calls.countPresent(range, counts);
  const short = native.calls.countPresent(range, new Uint8Array(1));
  const two = native.calls.countPresent(asPairs([text, text]), counts);
  console.log(JSON.stringify({
    told, toldAgain, agrees, short, two, pages: counts.length, before: total(before), once, after: total(after),
    twice: total(counts), most: Math.max(...counts),
  }));
});`;

/**
 * A block as abseil's allocator hands it out with a table of locks in it, made in a buffer that is found by what is
 * written there; which of its pages were given back reads as 0.
 */
const TABLE = `
import { openSync, readFileSync, readSync } from 'node:fs';
import { asPairs, PAGE_BYTES, parseSmaps } from './mappings.ts';
import { loadNative } from './native.ts';

const BLOCK = 0x1001a0, TABLE_AT = 168, ENTRIES = 262_139;
const PAGES = 272; // 64 KiB more than the block takes, as the allocator asks for it
const place = Buffer.allocUnsafeSlow((PAGES + 1) * PAGE_BYTES).fill(0);
const memory = openSync('/proc/self/mem', 'r');
const mark = Buffer.from(process.argv[2]);
mark.copy(place);

/** The address of the place; what is read may hold the mark too, but does not change with it. */
const addressOf = () => {
  const part = Buffer.allocUnsafeSlow(64 * 1024);
  const seen = Buffer.alloc(1);
  for (const { start, end, permissions, path } of parseSmaps(readFileSync('/proc/self/smaps'))) {
    if (permissions !== 'rw-p' || (path !== '' && path !== '[heap]')) continue;
    for (let at = start; at < end; at += part.length) {
      const length = readSync(memory, part, 0, Math.min(part.length, end - at), at);
      for (let found = part.indexOf(mark); found >= 0 && found < length; found = part.indexOf(mark, found + 1)) {
        const same = [1, 2, 3].every((value) => {
          place[mark.length] = value;
          readSync(memory, seen, 0, 1, at + found + mark.length);
          return seen[0] === value;
        });
        if (same) return at + found;
      }
    }
  }
  throw new Error('the place was not found');
};

loadNative(__dirname).then(({ native, why }) => {
  if (!native) throw new Error(why);
  const address = addressOf();
  const start = Math.ceil(address / PAGE_BYTES) * PAGE_BYTES;
  const pages = place.subarray(start - address, start - address + PAGES * PAGE_BYTES);
  const whole = BigUint64Array.of(BigInt(start), BigInt(pages.length));
  /** Makes the block so many pages from the start, changes it, and tells what was given back, and what is changed then. */
  const attempt = ({ page = 0, change = () => {}, range = whole } = {}) => {
    const at = page * PAGE_BYTES;
    const block = pages.subarray(at);
    const long = (offset, value) => block.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), offset);
    const entry = (number, value) => block.writeInt32LE(value, TABLE_AT + number * 4);
    pages.fill(0x5a);
    long(0, BLOCK);
    long(8, BigInt(start + at) ^ 0x4c833e95n);
    long(0x20, start + at + 0x28);
    block.writeUInt32LE(3, 0x68);
    block.writeUInt32LE(8, 0x6c);
    long(0xa0, start + at + 0x20);
    block.fill(0xff, TABLE_AT, TABLE_AT + ENTRIES * 4);
    entry(100, 2); // in its first page, which is no whole one of the table
    entry(5000, 0);
    change({ long, entry, block, place: start + at });
    const before = Buffer.from(pages);
    const bytes = native.calls.giveBackFilled(range);
    let [gone, others] = [0, 0];
    for (let n = 0; n < PAGES; n++) {
      const [was, is] = [before, pages].map((all) => all.subarray(n * PAGE_BYTES, (n + 1) * PAGE_BYTES));
      if (is.equals(was)) continue;
      if (was.every((byte) => byte === 0xff) && is.every((byte) => byte === 0)) gone++;
      else others++;
    }
    return { bytes, gone, others };
  };
  const spoilt = (change) => attempt({ change });
  console.log(JSON.stringify({
    given: {
      asItIs: attempt(),
      afterOthers: attempt({ page: 15 }),
      usedMore: spoilt(({ entry }) => { for (let page = 0; page < 100; page++) entry(2000 + page * 1024, page % 3); }),
    },
    left: {
      magic: spoilt(({ long }) => long(8, 0x4c833e95)),
      freed: spoilt(({ long, place }) => long(8, BigInt(place) ^ ~0x4c833e95n)),
      elsewhere: spoilt(({ long, place }) => long(8, BigInt(place + PAGE_BYTES) ^ 0x4c833e95n)),
      small: spoilt(({ long }) => long(0, TABLE_AT + ENTRIES * 4 - 1)),
      large: spoilt(({ long }) => long(0, PAGES * PAGE_BYTES + 1)),
      otherNodes: spoilt(({ long, place }) => long(0xa0, place + 0x28)),
      noNodes: spoilt(({ block }) => block.writeUInt32LE(0, 0x68)),
      moreNodesThanRoom: spoilt(({ block }) => block.writeUInt32LE(9, 0x68)),
      entryTooLarge: spoilt(({ entry }) => entry(200_000, 3)),
      entryBelow: spoilt(({ entry }) => entry(ENTRIES - 1, -2)),
      oneByte: spoilt(({ block }) => { block[700_001] = 0xfe; }),
      twoRanges: attempt({ range: BigUint64Array.of(...whole, ...whole) }),
      noRange: attempt({ range: new BigUint64Array() }),
      cutShort: attempt({ range: BigUint64Array.of(whole[0], BigInt(BLOCK - 0x1a0)) }),
      notMapped: attempt({ range: BigUint64Array.of(0x1000n, whole[1]) }),
    },
  }));
});`;

/** The one that this Node has, where it has one. */
const OWN_TABLE = `
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { asPairs, mayHoldLockTable, parseSmaps } from './mappings.ts';
import { loadNative } from './native.ts';

const thread = () => new Promise((resolve, reject) => {
  const worker = new Worker('require("node:crypto").pbkdf2("a", "b", 1000, 32, "sha256", () => {})', { eval: true });
  worker.once('error', reject).once('exit', resolve);
});

loadNative(__dirname).then(async ({ native, why }) => {
  if (!native) throw new Error(why);
  const quiet = native.calls.quietMutexes();
  await thread(); // time, in which whoever was at it leaves it
  const places = mayHoldLockTable(parseSmaps(readFileSync('/proc/self/smaps')));
  const give = () => places.reduce((sum, place) => sum + native.calls.giveBackFilled(asPairs([place])), 0);
  const bytes = give();
  const again = give();
  const exits = await Promise.all([thread(), thread(), thread(), thread()]);
  console.log(JSON.stringify({ quiet, bytes, again, exits }));
});`;

/** With as few descriptors as a process may have: what the kernel says when none is left, and once there are some. */
const REFUSED = `
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { loadNative } from './native.ts';

if (process.argv[2] !== 'with-few') {
  const few = ['-c', 'ulimit -n 64 && exec "$0" "$@"', process.execPath, __filename, 'with-few'];
  process.exitCode = spawnSync('/bin/sh', few, { stdio: 'inherit' }).status ?? 1;
} else loadNative(__dirname).then(({ native, why }) => {
  if (!native) throw new Error(why);
  const taken = [];
  let code = '';
  while (code === '') {
    try {
      taken.push(openSync('/dev/null'));
    } catch (error) {
      code = error.code;
    }
  }
  const none = native.calls.withoutFaultAround(new BigUint64Array());
  for (const descriptor of taken) closeSync(descriptor);
  console.log(JSON.stringify({ from: native.from, code, none, some: native.calls.withoutFaultAround(new BigUint64Array()) }));
});`;

const WAYS: [string, (folder: string) => Promise<{ library: string | null; why: string }>][] = [
  ['addon', async (folder) => ({ library: null, why: await addonInto(folder) })],
  ['koffi', async () => ({ library: koffi(), why: koffi() ? '' : 'koffi is not installed' })],
];

describe.runIf(process.platform === 'linux').each(WAYS)('by %s', (name, provide) => {
  test('pages of files are given back, come again, and the process works on', async ({ skip }) => {
    const folder = await testFolder('give-back');
    const { library, why } = await provide(folder);
    if (why) skip(why);
    const told = await runProgram(folder, GIVES_BACK, { library });
    const { ranges, before, after, fault, ...rest } = told as {
      [key: string]: unknown;
      ranges: number;
      before: number;
      after: number[];
      fault: number;
    };
    expect(rest).toEqual({
      ...{ from: name, refused: 0, worked: [WORK, WORK, WORK, WORK], stand: true, none: 0, worksOn: WORK },
      ...{ refusedOdd: 1, trims: expect.any(Boolean), quiet: expect.any(Boolean) },
    });
    expect(ranges).toBeGreaterThan(1);
    expect(before).toBeGreaterThan(10e6);
    for (const left of after) expect(left).toBeLessThan(before / 2);
    // either the kernel has the means, and then for files, or it says that it has not
    expect(fault === ranges || fault <= 0).toBe(true);
  });

  test('what the kernel refuses is told by its own number, and asked for again', async ({ skip }) => {
    const folder = await testFolder('refused');
    const { library, why } = await provide(folder);
    if (why) skip(why);
    const { none, some, ...rest } = await runProgram(folder, REFUSED, { library });
    expect(rest).toEqual({ from: name, code: 'EMFILE' });
    // a kernel without it, or one that forbids it, says so before it looks for a descriptor
    expect(none).toBe(some === 0 ? -constants.errno.EMFILE : some);
  });
});

describe.runIf(process.platform === 'linux')('the addon', () => {
  test('counts the pages that are there as /proc/self/pagemap has them', async ({ skip }) => {
    const folder = await testFolder('present');
    const why = await addonInto(folder);
    if (why) skip(why);
    const told = await runProgram(folder, COUNTS);
    const { pages, before, once, after, twice } = told as Record<string, number>;
    expect(told).toMatchObject({ told: true, toldAgain: true, agrees: true, short: false, two: false, most: 2 });
    expect(before).toBeGreaterThan(0);
    expect(once).toBeGreaterThanOrEqual(before ?? 0);
    expect(after).toBeGreaterThanOrEqual(once ?? 0);
    expect(after).toBeLessThan(pages ?? 0);
    expect(twice).toBeGreaterThanOrEqual(2 * (once ?? 0));
  });

  test('gives back what is unused of the table of locks, and touches nothing that may be anything else', async ({
    skip,
  }) => {
    const folder = await testFolder('table');
    const why = await addonInto(folder);
    if (why) skip(why);
    // the mark is made here, so that the program's own text does not hold it
    const told = await runProgram(folder, TABLE, { args: [`mark-${process.pid}-${Math.random()}`] });
    const { given, left } = told as Record<'given' | 'left', Record<string, unknown>>;
    const gone = (pages: number) => ({ bytes: pages * 4096, gone: pages, others: 0 });
    // of 257 pages that it touches the first is the header's too, the last is not whole; one is used, or a hundred
    expect(given).toEqual({ asItIs: gone(254), afterOthers: gone(254), usedMore: gone(155) });
    for (const [what, outcome] of Object.entries(left ?? {}))
      expect({ what, outcome }).toEqual({ what, outcome: gone(0) });
    expect(Object.keys(left ?? {})).toHaveLength(15);
  });

  test('gives back that of this Node, where it carries one, and threads start and end as before', async ({ skip }) => {
    const folder = await testFolder('own-table');
    const why = await addonInto(folder);
    if (why) skip(why);
    const { quiet, bytes, again, exits } = await runProgram(folder, OWN_TABLE);
    expect(exits).toEqual([0, 0, 0, 0]);
    expect({ quiet, most: Number(bytes) > 900_000, again }).toEqual({ quiet, most: quiet, again: 0 });
  });
});

test.runIf(process.platform === 'linux')(
  'through koffi neither is done: nothing is counted or read',
  async ({ skip }) => {
    const library = koffi();
    if (!library) return skip('koffi is not installed');
    const source = `import { koffiMemory } from './koffi-memory.ts';
    koffiMemory().then((calls) => {
      const counts = new Uint8Array(1);
      const told = calls.countPresent(BigUint64Array.of(4096n, 4096n), counts);
      console.log(JSON.stringify({ told, count: counts[0], bytes: calls.giveBackFilled(BigUint64Array.of(4096n, 4096n)) }));
    });`;
    expect(await runProgram(await testFolder('koffi'), source, { library })).toEqual({
      told: false,
      count: 0,
      bytes: 0,
    });
  },
);
