import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newestOf, nodeBinary } from '../../../bench/node-binary.ts';
import { testFolder } from '../../support/temp-folder.ts';

const OWN = { path: '/own/node', version: '20.20.2' };
const { signal } = new AbortController();

/** An npm that knows these versions, and installs a program that says the one it was asked for, or another. */
function registry(versions: string[] | null, says?: string) {
  const asked: string[] = [];
  const npm = async (args: readonly string[]): Promise<string> => {
    asked.push(args[0] ?? '');
    const [name = '', version = ''] = (args.find((arg) => /^node-.*@/.test(arg)) ?? '').split('@');
    if (versions === null) throw new Error('no network');
    if (args[0] === 'view') return JSON.stringify(versions);
    const bin = join(args[args.indexOf('--prefix') + 1] ?? '', 'node_modules', name, 'bin');
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, 'node'), `#!/bin/sh\necho v${says ?? version}\n`);
    await chmod(join(bin, 'node'), 0o755);
    return '';
  };
  return { asked, npm };
}

const source = async (npm: ReturnType<typeof registry>['npm'], cache?: string) => {
  return { cache: cache ?? (await testFolder()), env: {}, signal, npm, own: OWN };
};

test.each(['20', '20.20.2'])('%s is what the harness runs with: nothing is asked for', async (wanted) => {
  const { npm, asked } = registry([]);
  expect(await nodeBinary(wanted, await source(npm))).toBe(OWN);
  expect(asked).toEqual([]);
});

test('the newest of a major by version, installed once', async () => {
  const { npm, asked } = registry(['24.9.0', '24.10.1', '24.2.0']);
  const from = await source(npm);
  const first = await nodeBinary('24', from);
  expect(first.version).toBe('24.10.1');
  expect(first.path.startsWith(join(from.cache, 'node-24.10.1'))).toBe(true);
  expect(await nodeBinary('24', from)).toEqual(first);
  expect(await nodeBinary('24.10.1', from)).toEqual(first);
  expect(asked).toEqual(['view', 'install', 'view']);
});

test('where the registry cannot be asked, what is in the cache does', async () => {
  const from = await source(registry(['24.9.0']).npm);
  await nodeBinary('24', from);
  expect((await nodeBinary('24', { ...from, npm: registry(null).npm })).version).toBe('24.9.0');
  await expect(nodeBinary('22', { ...from, npm: registry(null).npm })).rejects.toThrow('could not be asked');
});

test('one that is something else is not kept, and leaves nothing', async () => {
  const from = await source(registry([], '24.8.0').npm);
  await expect(nodeBinary('24.9.0', from)).rejects.toThrow('Node 24.9.0 could not be installed');
  expect(await readdir(from.cache)).toEqual([]);
});

test.each([
  ['"24.9.0"', '24.9.0'],
  ['["24.9.0","24.10.0"]', '24.10.0'],
  ['["22.1.0"]', null],
  ['', null],
])('npm says %s: %s', (viewed, expected) => {
  expect(newestOf(viewed, '24')).toBe(expected);
});
