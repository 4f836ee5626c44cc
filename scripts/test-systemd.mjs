// `npm run test:systemd`: test/systemd in virtual machines with a real systemd, one a suite of Debian. Each machine is
// made once and kept. Where something for it is missing that is said, and nothing is run.
//   node scripts/test-systemd.mjs [--suite trixie|bookworm]... [--images FOLDER] [ARGUMENTS OF VITEST]
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT, setUp } from './setup.mjs';

/** Kernel 6.12 with systemd 257, kernel 6.1 with systemd 252. */
const SUITES = ['trixie', 'bookworm'];
const SCRIPTS = join(ROOT, 'scripts', 'systemd');
/** Program → Debian package. */
const TOOLS = {
  'qemu-system-x86_64': 'qemu-system-x86',
  mmdebstrap: 'mmdebstrap',
  mke2fs: 'e2fsprogs',
  cpio: 'cpio',
  zstd: 'zstd',
  xz: 'xz-utils',
};

/** What is missing here, in words; empty where everything is there. */
function missing() {
  const folders = (process.env.PATH ?? '').split(':');
  const packages = Object.entries(TOOLS)
    .filter(([program]) => !folders.some((folder) => existsSync(join(folder, program))))
    .map(([, name]) => name);
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'Linux on x64';
  if (packages.length > 0) return `apt-get install ${packages.join(' ')}`;
  return process.getuid?.() === 0 ? '' : 'root, to make the machine';
}

/** Makes the machine unless there is one of the same scripts and the same Node. */
function machine(suite, images) {
  const folder = join(images, suite);
  const made = createHash('sha256');
  for (const name of ['vm-image.sh', 'vm-guest.sh']) made.update(readFileSync(join(SCRIPTS, name)));
  const stamp = `${made.digest('hex')} ${process.version}`;
  const stampFile = join(folder, 'stamp');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return folder;
  process.stderr.write(`making a machine with ${suite}\n`);
  const args = [suite, process.execPath, folder];
  const { status } = spawnSync(join(SCRIPTS, 'vm-image.sh'), args, { stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`a machine with ${suite} could not be made`);
  writeFileSync(stampFile, stamp);
  return folder;
}

const { values, positionals } = parseArgs({
  options: {
    suite: { type: 'string', multiple: true, default: SUITES },
    images: { type: 'string', default: join(ROOT, 'node_modules', '.cache', 'systemd-vm') },
  },
  allowPositionals: true,
});
const lacks = missing();
if (lacks) {
  process.stdout.write(`skipped: needs ${lacks}\n`);
} else {
  setUp();
  const images = resolve(values.images);
  mkdirSync(images, { recursive: true });
  for (const suite of values.suite) {
    const env = { ...process.env, SYSTEMD_VM: machine(suite, images) };
    process.stdout.write(`--- ${suite}\n`);
    const tests = positionals.length > 0 ? positionals : ['test/systemd'];
    const vitest = join(ROOT, 'node_modules', '.bin', 'vitest');
    const { status } = spawnSync(vitest, ['run', ...tests], { cwd: ROOT, stdio: 'inherit', env });
    if (status !== 0) process.exitCode = status ?? 1;
  }
}
