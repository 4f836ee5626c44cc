/** The addon, built from its source, and programs of the footprint's parts that run in a process of their own. */
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { onTestFinished } from 'vitest';
import { Child } from './processes.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOOTPRINT = join(ROOT, 'src/main/footprint');
const CHILD_MS = 25_000;

/** Where koffi is installed: an optional package, with a build for some platforms. Null: it is not. */
export function koffi(): string | null {
  const require = createRequire(import.meta.url);
  try {
    const path = require.resolve('koffi');
    require(path);
    return path;
  } catch {
    return null; // that it need not be there is what is tested with the answer
  }
}

/** Builds give-back.node into the folder. Gives why it cannot be built here; throws where it should have been. */
export async function addonInto(folder: string): Promise<string> {
  const script = pathToFileURL(join(ROOT, 'scripts/addon.mjs')).href;
  const { buildAddon } = (await import(script)) as { buildAddon(folder: string): string };
  const why = buildAddon(folder);
  if (why && !/^there is no C compiler|^it is for Linux/.test(why)) throw new Error(why);
  return why;
}

/** Runs the source, which may import './native.ts' and its like, in a process that is bounded. Gives what it tells. */
export async function runProgram(
  folder: string,
  source: string,
  { library = null, args = [] }: { library?: string | null; args?: string[] } = {},
): Promise<Record<string, unknown>> {
  const outfile = join(folder, 'program.cjs');
  await writeFile(join(folder, 'package.json'), '{"type":"commonjs"}');
  await build({
    stdin: { contents: source, loader: 'ts', resolveDir: FOOTPRINT },
    ...{ outfile, bundle: true, platform: 'node', format: 'cjs', supported: { 'dynamic-import': false } },
    ...(library ? { alias: { koffi: library }, external: [library] } : { external: ['koffi'] }),
  });
  const child = new Child([outfile, ...args]);
  onTestFinished(async () => void (await child.kill('SIGKILL')));
  const told = await child.object(() => true, { what: 'what the program tells', timeoutMs: CHILD_MS });
  const exit = await child.ended();
  if (exit.code !== 0) throw new Error(`the program ended with ${exit.code ?? exit.signal}:\n${child.tail()}`);
  return told;
}
