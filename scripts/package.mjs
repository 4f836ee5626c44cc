// A release of the daemon as one archive: host-daemon-VERSION-PLATFORM-ARCH.tar.gz, the same bytes for the same
// bundles. Its path is all that goes to standard output. It signs nothing.
//
//   node scripts/package.mjs [--out DIR] [--version V] [--dist DIR] [--no-build]
//
// --version V builds bundles that say V, in a temporary folder; otherwise dist/ is built anew and says what
// package.json says. --no-build takes dist/, or the folder that --dist names, as it is.
import { spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { createGzip } from 'node:zlib';
import { ROOT, run, setUp } from './setup.mjs';

/** What a host needs. The rest of dist/ is for demonstrations and benchmarks. */
const BUNDLES = ['daemon', 'config', 'collect', 'other-systems', 'pool', 'update-tasks', 'piscina', 'worker'];
/** Taken where they have been built. */
const FURTHER_BUNDLES = ['update', 'handover', 'daemonctl'];
/** Native, built where there is a C compiler: the daemon is larger without it, and otherwise the same. */
const ADDON = 'give-back.node';
/** Started by a launcher in bin/. */
const PROGRAMS = ['daemon', 'daemonctl'];
/** A part of a file's name and of a folder's, and later of a path on a host. */
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]*$/;

function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

function options() {
  try {
    const { values } = parseArgs({
      options: {
        out: { type: 'string', default: join(ROOT, 'packages') },
        version: { type: 'string' },
        dist: { type: 'string' },
        'no-build': { type: 'boolean', default: false },
      },
    });
    if (values.version && (values.dist || values['no-build'])) {
      throw new Error('--version builds bundles of its own: leave out --dist and --no-build');
    }
    if (values.version && !VERSION.test(values.version)) throw new Error(`${values.version} cannot be a version`);
    return values;
  } catch (error) {
    return fail(error.message);
  }
}

/** What the bundles themselves say, so that the archive cannot claim another version than it runs as. */
function versionOf(dist) {
  const { status, stdout } = spawnSync(process.execPath, [join(dist, 'daemon.js'), '--version'], { encoding: 'utf8' });
  const version = stdout.trim();
  if (status !== 0 || !VERSION.test(version)) fail(`${dist}/daemon.js does not say a version`);
  return version;
}

/** Path below the root folder → content and mode, for everything that is no folder. */
function contents(dist, version) {
  const missing = BUNDLES.filter((name) => !existsSync(join(dist, `${name}.js`)));
  if (missing.length > 0) fail(`${dist} lacks ${missing.map((name) => `${name}.js`).join(', ')}: build it first`);
  const bundles = [...BUNDLES, ...FURTHER_BUNDLES.filter((name) => existsSync(join(dist, `${name}.js`)))];
  const launcher = readFileSync(join(ROOT, 'scripts', 'launcher.sh'));
  const plain = (name) => ({ content: readFileSync(join(dist, name)), mode: 0o644 });
  return new Map([
    ['VERSION', { content: Buffer.from(`${version}\n`), mode: 0o644 }],
    ...PROGRAMS.filter((name) => bundles.includes(name)).map((name) => [
      `bin/${name}`,
      { content: launcher, mode: 0o755 },
    ]),
    ['lib/package.json', plain('package.json')],
    ...bundles.map((name) => [`lib/${name}.js`, plain(`${name}.js`)]),
    ...(existsSync(join(dist, ADDON)) ? [[`lib/${ADDON}`, plain(ADDON)]] : []),
  ]);
}

async function write(archive, root, files) {
  const { pack } = await import('tar-stream'); // not before setUp: a fresh clone does not have it
  const same = { mtime: new Date(0), uid: 0, gid: 0 };
  const packing = pack();
  for (const folder of ['', 'bin/', 'lib/']) {
    packing.entry({ ...same, name: `${root}/${folder}`, type: 'directory', mode: 0o755 });
  }
  for (const [path, { content, mode }] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    packing.entry({ ...same, name: `${root}/${path}`, type: 'file', mode }, content);
  }
  packing.finalize();
  const part = `${archive}.part`;
  try {
    await pipeline(packing, createGzip({ level: 9 }), createWriteStream(part));
    renameSync(part, archive);
  } finally {
    rmSync(part, { force: true });
  }
}

const { out, version: wanted, dist: given, 'no-build': asItIs } = options();
const temporary = wanted ? mkdtempSync(join(tmpdir(), 'host-daemon-package-')) : null;
process.on('exit', () => {
  if (temporary) rmSync(temporary, { recursive: true, force: true });
});
if (temporary) run(process.execPath, ['scripts/build.mjs', '--version', wanted, '--out', temporary], { quiet: true });
else if (!asItIs && !given) setUp();

const dist = temporary ?? resolve(given ?? join(ROOT, 'dist'));
const version = existsSync(join(dist, 'daemon.js'))
  ? versionOf(dist)
  : fail(`${dist} has no daemon.js: build it first`);
if (wanted && version !== wanted) fail(`the bundles say ${version} and not ${wanted}`);
const folder = resolve(out);
mkdirSync(folder, { recursive: true });
const archive = join(folder, `host-daemon-${version}-${process.platform}-${process.arch}.tar.gz`);
await write(archive, `host-daemon-${version}`, contents(dist, version));
process.stdout.write(`${archive}\n`);
