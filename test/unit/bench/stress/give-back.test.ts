import { expect, test } from 'vitest';
import { GiveBack } from '../../../../bench/stress/give-back.ts';
import type { OwnProcess } from '../../../../src/main/footprint/footprint.ts';
import type { NativeMemory } from '../../../../src/main/footprint/native.ts';

const HEAD = '00400000-00402000 r-xp 00000000 08:01 42';
const MAPS = `${HEAD}                         /node\n`;
const FIGURES = ['KernelPageSize: 4', 'Rss: 8', 'Private_Dirty: 0', 'Anonymous: 0', 'Swap: 0'];
const SMAPS = `${MAPS}${FIGURES.map((figure) => `${figure} kB\n`).join('')}`;

function made({ maps = MAPS, refused = 0, freed = 4096 } = {}) {
  const given: bigint[][] = [];
  let resident = 1_000_000;
  const process: OwnProcess = {
    executable: '/node',
    linked: new Set(['/node']),
    unreliable: () => '',
    residentBytes: () => resident,
    compareResident: () => {},
    smaps: () => Buffer.from(SMAPS),
    maps: () => Buffer.from(maps),
    loadNative: async () => ({ native: null, why: '' }),
    compile: () => {},
    cpuMs: () => 0,
    keepCode: () => {},
    collect: () => {},
  };
  const native: NativeMemory = {
    giveBack: (pairs) => {
      given.push([...pairs]);
      resident -= freed;
      return refused;
    },
    withoutFaultAround: (pairs) => pairs.length / 2,
    trim: () => true,
    quietMutexes: () => false,
    giveBackFilled: () => 0,
    collect: () => true,
    // of the two pages the first is always there
    countPresent: (_, counts) => {
      counts[0] = (counts[0] ?? 0) + 1;
      return true;
    },
  };
  return { given, giveBack: new GiveBack(process, native) };
}

const ALL = [0x400000n, 0x2000n];
const COLD = [0x401000n, 0x1000n];

test('gives all of it back each time, and tells what was resident before and after', () => {
  const { given, giveBack } = made();
  giveBack.now();
  giveBack.now();
  expect(given).toEqual([ALL, ALL]);
  expect(giveBack.told()).toMatchObject({
    ...{ ranges: 1, withoutFaultAround: 1, hotPages: 0 },
    ...{ beforeBytes: { n: 2, max: 1_000_000 }, afterBytes: { n: 2, max: 1_000_000 - 4096 } },
  });
});

test('a thread that starts is left the pages that were always there, once they are known', () => {
  const { given, giveBack } = made();
  giveBack.threadStarted();
  for (let n = 0; n < 8; n++) giveBack.now();
  giveBack.threadEnding();
  giveBack.threadEnded();
  expect(given).toEqual(Array(9).fill(ALL));
  giveBack.threadStarted();
  expect(given.at(-1)).toEqual(COLD);
  expect(giveBack.told().hotPages).toBe(1);
});

test.each([
  { says: 'the kernel refused 1 of 1 ranges', of: { refused: 1 } },
  { says: 'what is mapped has changed', of: { maps: '' } },
  { says: '1 times pages were given back, and none was resident less', of: { freed: 0 } },
])('$says', ({ says, of }) => {
  const { giveBack } = made(of);
  expect(() => {
    giveBack.now();
    giveBack.collect();
    giveBack.told();
  }).toThrow(says);
});
