// The native calls of src/main/footprint as an addon, 15 KB, where there is a C compiler. Node-API: one for every Node.
import { spawnSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './setup.mjs';

const SOURCE = join(ROOT, 'src', 'native', 'give-back.c');
const HEADERS = join(ROOT, 'node_modules', 'node-api-headers', 'include');
const FLAGS = ['-std=gnu11', '-shared', '-fPIC', '-Os', '-s', '-Wall', '-Wextra', '-Wno-unused-parameter'];
const COMPILERS = [process.env.CC, 'cc', 'gcc', 'clang'].filter(Boolean);

/** Builds give-back.node into the folder, whole or not at all. Gives why it could not, or an empty text. */
export function buildAddon(folder) {
  if (process.platform !== 'linux') return `it is for Linux, and this is ${process.platform}`;
  const part = join(folder, 'give-back.node.part');
  for (const compiler of COMPILERS) {
    const built = spawnSync(compiler, [...FLAGS, '-fvisibility=hidden', '-I', HEADERS, SOURCE, '-o', part, '-ldl'], {
      encoding: 'utf8',
    });
    if (built.error?.code === 'ENOENT') continue;
    if (built.status === 0) {
      renameSync(part, join(folder, 'give-back.node'));
      return '';
    }
    rmSync(part, { force: true });
    return `${compiler}: ${built.error?.message ?? built.stderr.trim()}`;
  }
  return `there is no C compiler (${COMPILERS.join(', ')})`;
}
