import { renameSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { ConfigSource, type LoadedConfig } from '../../../src/main/config-source.ts';
import { parseConfig } from '../../../src/shared/config/parse.ts';
import type { Config } from '../../../src/shared/config/schema.ts';
import { testFolder } from '../../support/temp-folder.ts';

let path: string;
let folder: string;
let reloads: [string, string][];
let refused: string[];
let loads: number;
let slow: Promise<void> | null;
/** The next one cannot be applied. */
let failing: boolean;

const text = (id: string): string => `daemon: {id: "${id}"}\nmanager: {address: "m:1"}\n`;
function config(source: string): Config | null {
  return parseConfig(source, 'x').config;
}
async function source(): Promise<ConfigSource> {
  const { readFile } = await import('node:fs/promises');
  const first = config(text('first'));
  if (!first) throw new Error('invalid');
  return new ConfigSource({
    path,
    config: first,
    load: async (file): Promise<LoadedConfig> => {
      loads++;
      const loaded = config(await readFile(file, 'utf8'));
      return { config: loaded, problems: loaded ? '' : 'what is wrong', code: 'D1001' };
    },
    onReload: async (next, previous) => {
      if (slow !== null) await slow;
      if (failing) throw new Error('not applied');
      reloads.push([previous.daemon.id, next.daemon.id]);
    },
    onRefused: (problems, code) => refused.push(`${code} ${problems}`),
  });
}
let writes = 0;
function write(content: string, how: 'in place' | 'renamed' = 'in place', file = path): void {
  const target = how === 'renamed' ? `${file}.new` : file;
  writeFileSync(target, content);
  // a time in the future, as a wrong clock gives it, and another for each write
  const seconds = Date.now() / 1000 + 3600 + writes++;
  utimesSync(target, seconds, seconds);
  if (how === 'renamed') renameSync(target, file);
}

beforeEach(async () => {
  folder = await testFolder('config-source');
  path = join(folder, 'daemon.yaml');
  reloads = [];
  refused = [];
  loads = 0;
  slow = null;
  failing = false;
});

describe('ConfigSource', () => {
  test('a reload hands on the new and the last good one', async () => {
    const made = await source();
    write(text('second'));
    await made.reload();
    write(text('third'));
    await made.reload();
    expect(reloads).toEqual([
      ['first', 'second'],
      ['second', 'third'],
    ]);
  });

  test('one that could not be applied is told, and is no end of those to come: it is tried again as it was', async () => {
    const made = await source();
    failing = true;
    write(text('second'));
    await expect(made.reload()).rejects.toThrow('not applied');
    failing = false;
    await made.reload();
    expect(reloads).toEqual([['first', 'second']]);
  });

  test('an invalid file changes nothing and is told; the next good one follows the last good one', async () => {
    const made = await source();
    write('nonsense: [');
    await made.reload();
    expect(refused).toEqual(['D1001 what is wrong']);
    write(text('second'));
    await made.reload();
    expect(reloads).toEqual([['first', 'second']]);
  });

  test.each(['in place', 'renamed'] as const)('a change of the file (%s) is noticed by looking, once', async (how) => {
    write(text('first'));
    const made = await source();
    await made.look();
    await made.look();
    expect(loads).toBe(0);
    write(text('changed'), how);
    for (let i = 0; i < 4; i++) await made.look();
    expect(reloads).toEqual([['first', 'changed']]);
    expect(loads).toBe(1);
  });

  test('a switched symbolic link is noticed', async () => {
    for (const name of ['one', 'two']) write(text(name), 'in place', join(folder, name));
    symlinkSync(join(folder, 'one'), path);
    const made = await source();
    await made.look();
    unlinkSync(path);
    symlinkSync(join(folder, 'two'), path);
    await made.look();
    await made.look();
    expect(reloads).toEqual([['first', 'two']]);
  });

  test('a file that changes between two looks may still be being written, and one that is gone is no configuration', async () => {
    write(text('first'));
    const made = await source();
    await made.look();
    for (let i = 0; i < 3; i++) {
      write(`${text('half')}${'#'.repeat(i)}`);
      await made.look();
    }
    expect(loads).toBe(0);
    rmSync(path);
    await made.look();
    await made.look();
    expect(loads).toBe(0);
    expect(refused).toEqual([]);
  });

  test('reloads run one after another', async () => {
    const made = await source();
    write(text('second'));
    let release: () => void = () => {};
    slow = new Promise((resolve) => {
      release = resolve;
    });
    const both = Promise.all([made.reload(), made.reload()]);
    release();
    await both;
    expect(reloads).toEqual([
      ['first', 'second'],
      ['second', 'second'],
    ]);
  });
});
