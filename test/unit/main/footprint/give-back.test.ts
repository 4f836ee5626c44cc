/** The calls of the system themselves, by the addon and through koffi, each in a process that it is done to. */
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

/** A place of 256 pages, found by what is written there; which of its pages were given back reads as 0. */
const FILLED = `
import { openSync, readFileSync, readSync } from 'node:fs';
import { asPairs, PAGE_BYTES, parseSmaps } from './mappings.ts';
import { loadNative } from './native.ts';

const PAGES = 256;
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
  const range = asPairs([{ start, end: start + PAGES * PAGE_BYTES }]);
  const page = (number) => place.subarray(start - address + number * PAGE_BYTES).subarray(0, PAGE_BYTES);
  /** Fills so many pages, and the others nearly: gives what was given back, and of each page what it holds then. */
  const attempt = (filled, pairs = range) => {
    for (let n = 0; n < PAGES; n++) page(n).fill(0xff);
    for (let n = filled; n < PAGES; n++) page(n)[(n * 997) % PAGE_BYTES] = 0xfe;
    const bytes = native.calls.giveBackFilled(pairs);
    const holds = [0, 0, 0];
    for (let n = 0; n < PAGES; n++) {
      const others = page(n).filter((byte) => byte !== 0xff);
      if (others.length === 0) holds[0]++;
      else if (others.length === 1 && others[0] === 0xfe) holds[1]++;
      else if (page(n).every((byte) => byte === 0)) holds[2]++;
    }
    return { bytes, full: holds[0], nearly: holds[1], zero: holds[2] };
  };
  console.log(JSON.stringify({
    none: attempt(0), half: attempt(128), notQuite: attempt(153), most: attempt(154), all: attempt(256),
    two: attempt(256, BigUint64Array.of(...range, ...range)), nothing: attempt(256, new BigUint64Array()),
    tooLarge: attempt(256, BigUint64Array.of(range[0], 1025n * 4096n)),
  }));
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

  test('gives back what is 0xff throughout, where it is most of the place, and nothing else', async ({ skip }) => {
    const folder = await testFolder('filled');
    const why = await addonInto(folder);
    if (why) skip(why);
    const kept = (full: number) => ({ bytes: 0, full, nearly: 256 - full, zero: 0 });
    const gone = (zero: number) => ({ bytes: zero * 4096, full: 0, nearly: 256 - zero, zero });
    // the mark is made here, so that the program's own text does not hold it
    expect(await runProgram(folder, FILLED, { args: [`mark-${process.pid}-${Math.random()}`] })).toEqual({
      ...{ none: kept(0), half: kept(128), notQuite: kept(153), most: gone(154), all: gone(256) },
      ...{ two: kept(256), nothing: kept(256), tooLarge: kept(256) },
    });
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
