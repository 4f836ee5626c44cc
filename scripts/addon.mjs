// The native calls of src/main/footprint as an addon, 15 KB, where there is a C compiler. Node-API: one for every Node.
// The same bytes in whichever folder it is built.
import { spawnSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './setup.mjs';

const SOURCE = join(ROOT, 'src', 'native', 'give-back.c');
const HEADERS = join(ROOT, 'node_modules', 'node-api-headers', 'include');
const FLAGS = ['-std=gnu11', '-shared', '-fPIC', '-Os', '-s', '-Wall', '-Wextra', '-Wno-unused-parameter'];
const SAME_BYTES = [`-ffile-prefix-map=${ROOT}=.`, '-Wl,--build-id=none'];
/** For another machine than this one, by the name that Node has for it. */
const CROSS_COMPILERS = { arm64: ['aarch64-linux-gnu-gcc'], x64: ['x86_64-linux-gnu-gcc'] };

/** Builds give-back.node into the folder, whole or not at all. Gives why it could not, or an empty text. */
export function buildAddon(folder, arch = process.arch) {
  if (process.platform !== 'linux') return `it is for Linux, and this is ${process.platform}`;
  const own = arch === process.arch;
  const compilers = own ? [process.env.CC, 'cc', 'gcc', 'clang'].filter(Boolean) : (CROSS_COMPILERS[arch] ?? []);
  const part = join(folder, 'give-back.node.part');
  for (const compiler of compilers) {
    const flags = [...FLAGS, ...SAME_BYTES, '-fvisibility=hidden', '-I', HEADERS];
    const built = spawnSync(compiler, [...flags, SOURCE, '-o', part, '-ldl'], { encoding: 'utf8' });
    if (built.error?.code === 'ENOENT') continue;
    if (built.status === 0) {
      renameSync(part, join(folder, 'give-back.node'));
      return '';
    }
    rmSync(part, { force: true });
    return `${compiler}: ${built.error?.message ?? built.stderr.trim()}`;
  }
  return `there is no C compiler${own ? '' : ` for ${arch}`} (${compilers.join(', ')})`;
}
