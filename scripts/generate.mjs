// proto/ → src/shared/gen/, static code. With --check nothing is changed: the exit code says whether the
// committed code is what the proto files give.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, run } from './setup.mjs';

const GEN = join(ROOT, 'src/shared/gen');

function contents(folder) {
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

if (process.argv.includes('--check')) {
  const folder = mkdtempSync(join(tmpdir(), 'generate-'));
  try {
    run('node_modules/.bin/buf', ['generate', '--output', folder], { quiet: true });
    const fresh = contents(join(folder, 'src/shared/gen'));
    const committed = contents(GEN);
    const stale = [...new Set([...fresh.keys(), ...committed.keys()])].filter(
      (name) => fresh.get(name) !== committed.get(name),
    );
    if (stale.length > 0) {
      process.stderr.write(`generated code is stale: ${stale.join(', ')}; run: npm run generate\n`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
} else {
  run('node_modules/.bin/buf', ['generate'], { quiet: true });
}
