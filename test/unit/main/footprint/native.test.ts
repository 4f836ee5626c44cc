import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { addonInto, koffi, runProgram } from '../../../support/built-addon.ts';
import { testFolder } from '../../../support/temp-folder.ts';

const CALLS = ['collect', 'countPresent', 'giveBack', 'giveBackFilled', 'quietMutexes', 'trim', 'withoutFaultAround'];
/** Tells what was loaded from beside it. */
const LOADS = `import { loadNative } from './native.ts';
  loadNative(__dirname).then(({ native, why }) =>
    console.log(JSON.stringify({ from: native?.from ?? null, calls: Object.keys(native?.calls ?? {}).sort(), why })));`;

describe.runIf(process.platform === 'linux')('loadNative', () => {
  const broken: [string, string][] = [
    ['a text', 'no library'],
    ['an empty file', ''],
    ['the beginning of a library', '\x7fELF\x02\x01\x01'],
  ];

  test('takes the addon where it was built', async ({ skip }) => {
    const folder = await testFolder('native');
    const why = await addonInto(folder);
    if (why) skip(why);
    const calls = [...CALLS, 'notify'].sort();
    expect(await runProgram(folder, LOADS, { library: koffi() })).toEqual({ from: 'addon', calls, why: '' });
  });

  test('without either, says what was tried', async () => {
    const folder = await testFolder('native');
    const { why, ...rest } = await runProgram(folder, LOADS);
    expect(rest).toEqual({ from: null, calls: [] });
    expect(why).toMatch(new RegExp(`^no ${join(folder, 'give-back.node')}; koffi: Cannot find module 'koffi'$`));
  });

  test.each(broken)('an addon that is %s, and no koffi: says what is wrong with it', async (_, content) => {
    const folder = await testFolder('native');
    const addon = join(folder, 'give-back.node');
    await writeFile(addon, content, 'latin1');
    const { why, ...rest } = await runProgram(folder, LOADS);
    expect(rest).toEqual({ from: null, calls: [] });
    expect(String(why).startsWith(`${addon}: `)).toBe(true);
    expect(why).toContain("; koffi: Cannot find module 'koffi'");
  });

  test.for([['no addon', null] as const, ...broken])('%s: through koffi', async ([, content], { skip }) => {
    const library = koffi();
    if (!library) return skip('koffi is not installed');
    const folder = await testFolder('native');
    if (content !== null) await writeFile(join(folder, 'give-back.node'), content, 'latin1');
    const { why, ...rest } = await runProgram(folder, LOADS, { library });
    expect(rest).toEqual({ from: 'koffi', calls: CALLS });
    expect(String(why)).toContain(join(folder, 'give-back.node')); // why it is not the addon
  });
});
