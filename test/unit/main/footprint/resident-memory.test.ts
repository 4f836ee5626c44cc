import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ResidentMemory } from '../../../../src/main/footprint/resident-memory.ts';
import { testFolder } from '../../../support/temp-folder.ts';

const MB = 1024 * 1024;
const PAGES = MB / 4096;

/** What the kernel says, in files of a folder of their own. */
class Kernel {
  readonly folder: string;
  constructor(folder: string) {
    this.folder = folder;
  }
  static async make(): Promise<{ kernel: Kernel; memory: ResidentMemory }> {
    const kernel = new Kernel(await testFolder('resident'));
    const memory = new ResidentMemory(kernel.folder);
    onTestFinished(() => memory.close());
    return { kernel, memory };
  }
  path(name: string): string {
    return join(this.folder, name);
  }
  /** In MB. */
  statm(resident: number): void {
    writeFileSync(this.path('statm'), `300000 ${resident * PAGES} 900 12 0 40000 0\n`);
  }
  rollup(resident: number): void {
    const head = '00400000-7ffd0e4f9000 ---p 00000000 00:00 0                    [rollup]\n';
    writeFileSync(this.path('smaps_rollup'), `${head}Rss:           ${resident * 1024} kB\nPss:            900 kB\n`);
  }
}

describe('what is resident', () => {
  test('is what statm says, where smaps_rollup agrees', async () => {
    const { kernel, memory } = await Kernel.make();
    kernel.statm(20);
    kernel.rollup(20);
    memory.compare();
    expect(memory.bytes()).toBe(20 * MB);
    kernel.statm(21);
    expect(memory.bytes()).toBe(21 * MB);
  });

  test.each([
    ['leaves out', 12, 20],
    ['has too much', 31, 20],
  ])('what statm %s is put right by smaps_rollup when it is asked for', async (_, counted, exact) => {
    const { kernel, memory } = await Kernel.make();
    kernel.statm(counted);
    kernel.rollup(exact);
    expect(memory.bytes()).toBe(counted * MB);
    memory.compare();
    expect(memory.bytes()).toBe(exact * MB);
    // statm is what is looked at in between
    kernel.statm(counted + 5);
    kernel.rollup(exact + 1);
    expect(memory.bytes()).toBe((exact + 5) * MB);
    memory.compare();
    expect(memory.bytes()).toBe((exact + 1) * MB);
  });

  test('is as it was where something comes in while it is compared', async () => {
    const { kernel, memory } = await Kernel.make();
    kernel.statm(12);
    kernel.rollup(20);
    const moving = new ResidentMemory(kernel.folder, (path) => {
      kernel.statm(13);
      return readFileSync(path);
    });
    onTestFinished(() => moving.close());
    moving.compare();
    expect(moving.bytes()).toBe(13 * MB);
    memory.compare();
    expect(memory.bytes()).toBe(20 * MB);
  });

  test.each([
    ['is not there', (kernel: Kernel) => rmSync(kernel.path('smaps_rollup'))],
    ['says something else', (kernel: Kernel) => writeFileSync(kernel.path('smaps_rollup'), 'Pss: 4 kB\n')],
    ['is empty', (kernel: Kernel) => writeFileSync(kernel.path('smaps_rollup'), '')],
  ])('smaps_rollup that %s: the last difference stays, none at first', async (_, spoil) => {
    const { kernel, memory } = await Kernel.make();
    kernel.statm(12);
    kernel.rollup(20);
    spoil(kernel);
    memory.compare();
    expect(memory.bytes()).toBe(12 * MB);
    kernel.rollup(20);
    memory.compare();
    expect(memory.bytes()).toBe(20 * MB);
    spoil(kernel);
    memory.compare();
    expect(memory.bytes()).toBe(20 * MB);
  });

  test('is never below 0: more may have gone than was ever counted', async () => {
    const { kernel, memory } = await Kernel.make();
    kernel.statm(31);
    kernel.rollup(20);
    memory.compare();
    kernel.statm(10);
    expect(memory.bytes()).toBe(0);
  });

  test('is 0 where it cannot be told, without an error, and known again once it can', async () => {
    const { kernel, memory } = await Kernel.make();
    expect(memory.bytes()).toBe(0);
    mkdirSync(kernel.path('statm')); // it opens, and every read of it fails
    expect(memory.bytes()).toBe(0);
    rmSync(kernel.path('statm'), { recursive: true });
    for (const text of ['', '300000', '300000 x 900\n', 'none at all\n']) {
      writeFileSync(kernel.path('statm'), text);
      expect(memory.bytes()).toBe(0);
    }
    kernel.statm(20);
    expect(memory.bytes()).toBe(20 * MB);
  });

  test('of a file that is kept open: it need not be found again', async () => {
    const { kernel, memory } = await Kernel.make();
    kernel.statm(20);
    expect(memory.bytes()).toBe(20 * MB);
    renameSync(kernel.path('statm'), kernel.path('elsewhere'));
    expect(memory.bytes()).toBe(20 * MB);
    memory.close();
    expect(memory.bytes()).toBe(0);
  });
});

test.runIf(process.platform === 'linux')('of this process: grows by what is written, as the kernel has it', () => {
  const memory = new ResidentMemory();
  onTestFinished(() => memory.close());
  const before = memory.bytes();
  expect(before).toBeGreaterThan(10 * MB);
  const block = Buffer.alloc(40 * MB, 1);
  expect(memory.bytes() - before).toBeGreaterThan(30 * MB);
  expect(block[40 * MB - 1]).toBe(1);
});
