import { describe, expect, test } from 'vitest';
import { addonInto, runProgram } from '../../../support/built-addon.ts';
import { testFolder } from '../../../support/temp-folder.ts';

/** In a process of its own: what is switched here holds for the whole of one. */
const LOOKS = `
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { givable, parseSmaps, stillMapped, headsOf } from './mappings.ts';
import { ownProcess } from './own-process.ts';

const own = ownProcess(__dirname);
const byStatus = () => Number(/^VmRSS:\\s+(\\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;

/** Something to collect: gone when nothing holds it and all was collected, which a minor collection does not see. */
const old = (calls) => {
  let held = Array.from({ length: 200_000 }, (_, at) => ({ at }));
  own.collect(calls);
  own.collect(calls);
  const ref = new WeakRef(held);
  held = null;
  return ref;
};

/** What V8 says of a function, once it has run often; it says something else of one that is compiled. */
setFlagsFromString('--allow-natives-syntax');
const status = new Function('f', 'return %GetOptimizationStatus(f)');
const work = new Function('n', 'let sum = 0; for (let i = 0; i < n; i++) sum += i % 7; return sum;');
const runOften = () => { for (let time = 0; time < 3000; time++) work(1000); return status(work); };

const main = async () => {
  own.compile(false);
  work(1);
  const cold = status(work);
  const off = runOften();
  own.compile(true);
  let on = off;
  for (let time = 0; time < 200 && on === off; time++) {
    on = runOften();
    await new Promise(setImmediate);
  }
  const difference = Math.abs(own.residentBytes() - byStatus());
  const before = own.residentBytes();
  const block = Buffer.alloc(40 * 1024 * 1024, 1);
  const grown = own.residentBytes() - before > 30e6 && block[0] === 1;
  const { native, why } = await own.loadNative();
  const calls = native?.calls ?? null;
  const ref = old(calls);
  await new Promise(setImmediate);
  own.collect(calls);
  const once = new Function('return 1');
  once();
  const withCode = status(once);
  const collectTwice = () => { own.collect(calls); own.collect(calls); };
  own.keepCode(6);
  collectTwice();
  const kept = status(once) === withCode;
  own.keepCode(1);
  collectTwice();
  const letGo = status(once) !== withCode;
  const pages = givable(parseSmaps(own.smaps()), own.executable, own.linked);
  console.log(JSON.stringify({
    compiledWhileOff: off !== cold, compiledOnceOn: on !== off, difference, grown, collected: ref.deref() === undefined,
    kept, letGo, pages: pages.length > 0, stand: stillMapped(headsOf(pages), own.maps()), executable: own.executable,
    unreliable: own.unreliable(), native: native !== null, told: calls?.collect() ?? null, why, gc: typeof globalThis.gc,
  }));
};
main();`;

describe.runIf(process.platform === 'linux')('the own process', () => {
  test('is looked at and acted on', async () => {
    const told = await runProgram(await testFolder('own-process'), LOOKS);
    const { difference, unreliable, why, ...rest } = told;
    expect(rest).toEqual({
      ...{
        compiledWhileOff: false,
        compiledOnceOn: true,
        grown: true,
        collected: true,
        kept: true,
        pages: true,
        stand: true,
      },
      ...{ executable: process.execPath, native: false, told: null, gc: 'undefined' },
      // by gc() of Node 20 code grows no older
      letGo: Number.parseInt(process.versions.v8, 10) >= 12,
    });
    expect(difference).toBeLessThan(8e6); // the kernel counts in parts
    expect(why).toContain('give-back.node');
    // where this Node is on a file system that may hang, it says so, and on which
    expect(unreliable).toMatch(/^$|^\/.* is on .+$/);
  });

  test('collects by the addon where it was built', async ({ skip }) => {
    const folder = await testFolder('own-process');
    const missing = await addonInto(folder);
    if (missing) skip(missing);
    expect(await runProgram(folder, LOOKS)).toMatchObject({
      native: true,
      told: true,
      collected: true,
      letGo: true,
      why: '',
    });
  });
});
