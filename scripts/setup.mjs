// Brings a fresh clone to the point where a script can run: checks Node, installs what the lockfile names,
// generates code, builds. Uses nothing but Node itself, since nothing else is there yet.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const STAMP = join(ROOT, 'node_modules', '.installed-lockfile');

/** Runs a program in the project's root; ends this process with its status when it fails. */
export function run(program, args, { quiet = false, env = process.env } = {}) {
  const result = spawnSync(program, args, {
    cwd: ROOT,
    env,
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 2, 2],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.error) throw new Error(`${program} could not be run: ${result.error.message}`);
  if (result.status !== 0) {
    if (quiet) process.stderr.write(Buffer.concat([result.stdout, result.stderr]));
    process.stderr.write(`${program} ${args.join(' ')} ended with ${result.status ?? result.signal}\n`);
    process.exit(result.status || 1);
  }
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    process.stderr.write(`Node ${process.versions.node} is too old: 20.19 or newer is needed\n`);
    process.exit(1);
  }
}

/**
 * Installs what package-lock.json names, unless that is already there. Not `npm ci`: that refuses a lockfile which
 * lacks the optional packages of other platforms, as one does that was made where a registry does not carry them.
 */
export function install() {
  checkNode();
  const lock = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
  const wanted = `${lock} ${process.version}`;
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return;
  process.stderr.write('installing packages\n');
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], { quiet: true });
  writeFileSync(STAMP, wanted);
}

/** Installs, generates and builds: after it dist/ holds what the sources say. */
export function setUp() {
  install();
  run(process.execPath, ['scripts/generate.mjs'], { quiet: true });
  run(process.execPath, ['scripts/build.mjs'], { quiet: true });
}
