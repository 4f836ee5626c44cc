/** Our TypeScript as a program that node runs: with vitest's own loader there would be no process to measure or ask. */
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '../../..');

/** `code` may import from `./src/…`. Gives the program's path. */
export function bundle(folder: string, name: string, code: string): string {
  const outfile = join(folder, `${name}.cjs`);
  buildSync({
    stdin: { contents: code, resolveDir: ROOT, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    define: { __VERSION__: '"1.2.3"' },
    logLevel: 'warning',
  });
  return outfile;
}
