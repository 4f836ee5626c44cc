// src/status-page/ → one HTML page that carries its style and its script and asks for nothing else.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
const SOURCE = join(ROOT, 'src/status-page');

/** The page's text. */
export async function buildStatusPage() {
  const options = { absWorkingDir: ROOT, bundle: true, minify: true, write: false, legalComments: 'none' };
  const of = async (file, more) => {
    const { outputFiles } = await build({ ...options, entryPoints: [join(SOURCE, file)], ...more });
    return outputFiles[0].text.trim();
  };
  const script = await of('page.ts', { format: 'iife', target: 'es2022' });
  const style = await of('page.css', {});
  // functions, since a replacement's text may hold a `$`
  return readFileSync(join(SOURCE, 'page.html'), 'utf8')
    .replace('<!-- style -->', () => `<style>${style}</style>`)
    .replace('<!-- script -->', () => `<script>${script}</script>`);
}
