// The schema → docs/configuration.md, by way of the built dist/config.js. With --check nothing is changed: the exit
// code says whether the committed file is what the schema gives.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ROOT } from './setup.mjs';

const FILE = join(ROOT, 'docs/configuration.md');
const { renderReference } = createRequire(import.meta.url)('../dist/config.js');

function committed() {
  try {
    return readFileSync(FILE, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

if (!process.argv.includes('--check')) writeFileSync(FILE, renderReference());
else if (committed() !== renderReference()) {
  process.stderr.write('docs/configuration.md is stale; run: node scripts/reference.mjs\n');
  process.exitCode = 1;
}
