/** The worker as it ships: bundled as scripts/build.mjs does it, run as a thread, called over comlink. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type Remote, wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WorkerApi } from '../../../../src/shared/contracts/jobs.ts';
import { temporaryFolder, testFolder } from '../../../support/temp-folder.ts';
import { task } from './support.ts';

const ENTRY = fileURLToPath(new URL('../../../../src/workers/collect/index.ts', import.meta.url));
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let bundle: string;

beforeAll(async () => {
  folder = await temporaryFolder('collect-bundle');
  bundle = join(folder.path, 'collect.cjs');
  await build({
    entryPoints: [ENTRY],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    minify: true,
    supported: { 'dynamic-import': false },
    logLevel: 'silent',
  });
});
afterAll(() => folder.remove());

async function inThread<T>(use: (api: Remote<WorkerApi>) => Promise<T>): Promise<T> {
  const worker = new Worker(bundle);
  try {
    return await use(wrap<WorkerApi>(nodeEndpoint(worker)));
  } finally {
    await worker.terminate();
  }
}

test('state travels from one thread to the next', async () => {
  const [first] = await inThread((api) => api.collect([task('network', null, { interfaces: ['lo'] })]));
  expect(first).toMatchObject({ sample: null, error: null });
  const [second] = await inThread((api) => api.collect([task('network', first?.state, { interfaces: ['lo'] })]));
  expect(second?.error).toBeNull();
  const seconds = Number(second?.sample?.values['interval_seconds']);
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThan(30);
});

test('a plugin is loaded by the real import(): top-level await works', async () => {
  const module = join(await testFolder('plugin'), 'late.mjs');
  writeFileSync(module, 'const ten = await Promise.resolve(10); export const collect = () => ({ values: { ten } });');
  const [outcome] = await inThread((api) => api.collect([task('late', null, { plugin: { module, options: {} } })]));
  expect(outcome).toMatchObject({ error: null, sample: { values: { ten: 10 } } });
});

test('hostFacts answers', async () => {
  const facts = await inThread((api) => api.hostFacts({}));
  expect(facts.kernel).toMatch(/^\d+\./);
});
