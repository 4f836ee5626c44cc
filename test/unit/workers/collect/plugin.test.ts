import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkValues, collectPlugin, type ImportModule } from '../../../../src/workers/collect/plugin.ts';
import { testFolder } from '../../../support/temp-folder.ts';

// the default goes round the bundler, which is not there in tests: test/unit/workers/collect/index.test.ts has it
const load: ImportModule = (url) => import(/* @vite-ignore */ url);

async function moduleWith(text: string, name = 'plugin.mjs'): Promise<string> {
  const path = join(await testFolder('plugin'), name);
  writeFileSync(path, text);
  return path;
}

describe('collectPlugin', () => {
  test('hands in state and options, hands back values and state', async () => {
    const module = await moduleWith(`export async function collect(previous, { options, name }) {
      const runs = (previous?.runs ?? 0) + options.step;
      return { values: { runs, name, rows: [{ queue: 'a', depth: 3 }] }, state: { runs } };
    }`);
    const plugin = { module, options: { step: 2 } };
    const first = await collectPlugin('queue', plugin, null, load);
    expect(first).toEqual({
      values: { runs: 2, name: 'queue', rows: [{ queue: 'a', depth: 3 }] },
      state: { runs: 2 },
      problem: null,
    });
    expect((await collectPlugin('queue', plugin, first.state, load)).values).toMatchObject({ runs: 4 });
  });

  test('a CommonJS module does as well; null values are a run that only took counters', async () => {
    const module = await moduleWith('module.exports = { collect: () => ({ values: null, state: 5 }) };', 'p.cjs');
    const outcome = await collectPlugin('p', { module, options: {} }, null, load);
    expect(outcome).toEqual({ values: null, state: 5, problem: null });
  });

  test.each<[string, string, RegExp]>([
    ['does not parse', 'export const = 1;', /^plugin p: cannot load /],
    ['throws when it is loaded', 'throw new Error("no")', /^plugin p: cannot load /],
    ['exports no function', 'export const collect = 5;', /exports no function collect$/],
    ['throws', 'export function collect() { throw new Error("no"); }', /^plugin p: collect\(\) failed$/],
    ['rejects', 'export async function collect() { throw new Error("no"); }', /^plugin p: collect\(\) failed$/],
    ['gives nothing', 'export function collect() {}', /must give \{values, state\}/],
    [
      'gives a value of another kind',
      'export const collect = () => ({ values: { a: true } });',
      /values\.a is neither/,
    ],
    [
      'gives a state that is no data',
      'export const collect = () => ({ values: {}, state: () => 1 });',
      /^plugin p: its state is not plain data$/,
    ],
  ])('one that %s fails with D5001', async (_, text, message) => {
    const module = await moduleWith(text);
    await expect(collectPlugin('p', { module, options: {} }, null, load)).rejects.toMatchObject({
      code: 'D5001',
      message: expect.stringMatching(message),
    });
  });

  test('one that is absent fails with D5001', async () => {
    const plugin = { module: '/nonexistent/p.mjs', options: {} };
    await expect(collectPlugin('p', plugin, null, load)).rejects.toMatchObject({
      code: 'D5001',
      message: 'plugin p: cannot load /nonexistent/p.mjs',
    });
  });
});

test.each<[string, unknown, string]>([
  ['NaN', { load: Number.NaN }, 'values.load'],
  ['Infinity', { load: Number.POSITIVE_INFINITY }, 'values.load'],
  ['null', { load: null }, 'values.load'],
  ['an object', { load: { a: 1 } }, 'values.load'],
  ['BigInt', { load: 1n }, 'values.load'],
  ['a number in a list', { rows: [{ a: 1 }, 2] }, 'values.rows[1]'],
  ['a list in a row', { rows: [{ a: [] }] }, 'values.rows[0].a'],
  ['NaN in a row', { rows: [{ a: Number.NaN }] }, 'values.rows[0].a'],
  ['a list in place of values', [], 'values an object'],
])('checkValues names %s', (_, values, key) => {
  expect(() => checkValues('p', values)).toThrow(
    expect.objectContaining({ code: 'D5001', message: expect.stringContaining(key) }),
  );
});
