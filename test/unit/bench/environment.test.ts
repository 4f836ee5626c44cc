import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { cleanEnvironment, environmentsOf } from '../../../bench/environment.ts';
import { testFolder } from '../../support/temp-folder.ts';

const FULL = {
  SSL_CERT_FILE: '/ca.pem',
  PATH: '/bin',
  NODE_OPTIONS: '--inspect',
  LC_ALL: 'C',
  NODE_EXTRA_CA_CERTS: '/ca.pem',
  HOME: '/root',
  MY_PATH: 'x',
  npm_config_registry: 'https://registry.example',
};
const CLEAN = { PATH: '/bin', LC_ALL: 'C', HOME: '/root' };

test('what changes Node is unset; what a service manager gives stays; npm has all of it', () => {
  expect(environmentsOf(FULL)).toEqual({ measured: CLEAN, whole: FULL });
});

test('what was handed over is taken in place of the own', () => {
  const own = { BENCH_ENVIRONMENT: JSON.stringify(FULL) };
  expect(environmentsOf(own)).toEqual({ measured: CLEAN, whole: FULL });
});

test.each(['', '{', 'null', '[1]', '{"PATH":1}'])('%j was not handed over by the script that does it', (text) => {
  expect(() => environmentsOf({ PATH: '/bin', BENCH_ENVIRONMENT: text })).toThrow('npm run bench');
});

test('a process’s own is replaced, not added to', () => {
  const own: NodeJS.ProcessEnv = { ...FULL };
  expect(cleanEnvironment(own)).toEqual(FULL);
  expect(own).toEqual(CLEAN);
});

/** Writes down how it was started. */
const HARNESS = `require('node:fs').writeFileSync(process.argv[2], JSON.stringify({
  env: process.env, args: process.argv.slice(3), hasOptions: process.noDeprecation === true,
}));`;

test('the harness starts with nothing that acts on Node, and is handed all of it', async () => {
  const folder = await testFolder();
  const [script, told] = [join(folder, 'harness.cjs'), join(folder, 'told.json')];
  await writeFile(script, HARNESS);
  const module = pathToFileURL(join(import.meta.dirname, '../../../scripts/clean-start.mjs')).href;
  const starter = `import { startClean } from ${JSON.stringify(module)};
    startClean(process.argv.slice(1)).on('exit', (code) => process.exit(code));`;
  const env = { ...CLEAN, NODE_OPTIONS: '--no-deprecation', MALLOC_ARENA_MAX: '1', npm_config_registry: 'r' };
  const args = ['--input-type=module', '-e', starter, script, told, 'idle', '--quick'];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
  const { env: own, ...started } = JSON.parse(await readFile(told, 'utf8'));
  expect(started).toEqual({ args: ['idle', '--quick'], hasOptions: false });
  expect(Object.keys(own)).toEqual(['BENCH_ENVIRONMENT']);
  expect(environmentsOf(own)).toEqual({ measured: CLEAN, whole: env });
});
