// A release of the daemon: an archive for each kind of machine, daemon-VERSION-linux-ARCH.tar.gz, the same bytes for the
// same sources wherever they lie; beside each its bill of materials, and with a key its signed manifest; SHA256SUMS;
// install.sh. The paths of the archives are all that goes to standard output. All of it is there, or nothing new is.
//
//   node scripts/package.mjs [--out DIR] [--version V] [--dist DIR] [--no-build] [--arch ARCH]... [--without-node]
//                            [--sign-key FILE [--passphrase-file FILE] [--expires WHEN]]
//
// --version V builds bundles that say V, in a temporary folder; otherwise dist/ is built anew and says what
// package.json says. --no-build takes dist/, or the folder that --dist names, as it is. --without-node leaves out the
// Node that a release carries (release/node-binary.mjs). SOURCE_DATE_EPOCH is the time of every file in the archives,
// 1970 without it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildAddon } from './addon.mjs';
import { writeArchive } from './release/archive.mjs';
import { ADDON, commonContents, contentsFor } from './release/contents.mjs';
import { installerText } from './release/installer.mjs';
import { nodeFor } from './release/node-binary.mjs';
import { ROOT, run, setUp } from './setup.mjs';

const ARCHES = ['x64', 'arm64'];
/** A part of a file's name and of a folder's, and later of a path on a host. */
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]*$/;

const say = (text) => process.stderr.write(`${text}\n`);

function options() {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(ROOT, 'packages') },
      version: { type: 'string' },
      dist: { type: 'string' },
      'no-build': { type: 'boolean', default: false },
      arch: { type: 'string', multiple: true, default: ARCHES },
      'without-node': { type: 'boolean', default: false },
      'sign-key': { type: 'string' },
      'passphrase-file': { type: 'string' },
      expires: { type: 'string' },
    },
  });
  const { version, arch } = values;
  if (version && (values.dist || values['no-build'])) {
    throw new Error('--version builds bundles of its own: leave out --dist and --no-build');
  }
  if (version && !VERSION.test(version)) throw new Error(`${version} cannot be a version`);
  for (const name of arch) if (!ARCHES.includes(name)) throw new Error(`--arch ${name}: it is ${ARCHES.join(' or ')}`);
  if (!values['sign-key'] && (values['passphrase-file'] || values.expires)) {
    throw new Error('--passphrase-file and --expires are for --sign-key');
  }
  return values;
}

/** Of the sources, as reproducible-builds.org has it; null where nobody says. */
function sourceTime() {
  const text = process.env.SOURCE_DATE_EPOCH ?? '';
  if (text === '') return null;
  if (!/^\d{1,10}$/.test(text)) throw new Error(`SOURCE_DATE_EPOCH is ${text} where Unix seconds are wanted`);
  return new Date(Number(text) * 1000);
}

/** What the bundles themselves say, so that the archive cannot claim another version than it runs as. */
function versionOf(dist) {
  if (!existsSync(join(dist, 'daemon.js'))) throw new Error(`${dist} has no daemon.js: build it first`);
  const { status, stdout } = spawnSync(process.execPath, [join(dist, 'daemon.js'), '--version'], { encoding: 'utf8' });
  const version = stdout.trim();
  if (status !== 0 || !VERSION.test(version)) throw new Error(`${dist}/daemon.js does not say a version`);
  return version;
}

/** Path of the native calls for this kind of machine; null, and said, where they cannot be built. */
function addonFor(arch, dist, folder) {
  if (arch === process.arch && process.platform === 'linux') {
    const built = join(dist, ADDON);
    if (existsSync(built)) return built;
    say(`${ADDON} is left out of ${arch}: ${dist} has none`);
    return null;
  }
  mkdirSync(join(folder, arch));
  const problem = buildAddon(join(folder, arch), arch);
  if (problem) say(`${ADDON} is left out of ${arch}: ${problem}`);
  return problem ? null : join(folder, arch, ADDON);
}

/** Writes what belongs beside the file. Gives whether the file itself has a signature, too, which Ed25519 has not. */
function sign(dist, values, file, facts) {
  const further = ['passphrase-file', 'expires'].filter(
    (name) => values[name] && (name !== 'expires' || facts.length > 0),
  );
  const args = ['sign', file, '--key', values['sign-key'], ...facts, '--json'];
  for (const name of further) args.push(`--${name}`, values[name]);
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(dist, 'daemonctl.js'), ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${basename(file)} could not be signed\n${stderr.trim()}`);
  return JSON.parse(stdout).signature !== null;
}

function writeSums(folder, names) {
  const line = (name) =>
    `${createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex')}  ${name}\n`;
  writeFileSync(join(folder, 'SHA256SUMS'), names.sort().map(line).join(''));
}

/** Everything of the release, in a folder of its own. Gives the names of the archives. */
async function makeRelease(folder, { values, dist, version, temporary }) {
  const time = sourceTime();
  const common = commonContents(dist, version);
  const archives = [];
  let signsFiles = false;
  for (const arch of [...new Set(values.arch)]) {
    const name = `daemon-${version}-linux-${arch}`;
    const addon = addonFor(arch, dist, temporary);
    const node = values['without-node'] ? null : await nodeFor(arch);
    const { files, sbom } = contentsFor(arch, { common, version, addon, node, time });
    const archive = `${name}.tar.gz`;
    await writeArchive(join(folder, archive), { root: `daemon-${version}`, files, mtime: time ?? new Date(0) });
    writeFileSync(join(folder, `${name}.cdx.json`), sbom);
    if (values['sign-key']) {
      const facts = ['--component', 'daemon', '--version', version, '--platform', 'linux', '--arch', arch];
      signsFiles = sign(dist, values, join(folder, archive), facts);
    }
    archives.push(archive);
  }
  writeFileSync(join(folder, 'install.sh'), installerText(), { mode: 0o755 });
  // signatures carry the time that they were made at: the sums are of what is the same each time
  writeSums(
    folder,
    readdirSync(folder).filter((name) => !/\.sig$|\.manifest\.json$/.test(name)),
  );
  if (signsFiles) sign(dist, values, join(folder, 'SHA256SUMS'), []);
  if (!values['sign-key']) say('unsigned: no host takes it before it has been signed (--sign-key FILE)');
  return archives;
}

const temporary = mkdtempSync(join(tmpdir(), 'host-daemon-package-'));
let staged = '';
process.on('exit', () => {
  for (const folder of [temporary, staged].filter(Boolean)) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
try {
  const values = options();
  const { out, version: wanted } = values;
  const built = join(temporary, 'dist');
  if (wanted) run(process.execPath, ['scripts/build.mjs', '--version', wanted, '--out', built], { quiet: true });
  else if (!values['no-build'] && !values.dist) setUp();

  const dist = wanted ? built : resolve(values.dist ?? join(ROOT, 'dist'));
  const version = versionOf(dist);
  if (wanted && version !== wanted) throw new Error(`the bundles say ${version} and not ${wanted}`);
  const folder = resolve(out);
  mkdirSync(folder, { recursive: true });
  staged = mkdtempSync(join(folder, '.part-'));
  const archives = await makeRelease(staged, { values, dist, version, temporary });
  // a signature of former bytes must not lie beside new ones
  const signatures = archives.flatMap((name) =>
    ['.sig', '.manifest.json', '.manifest.json.sig'].map((end) => name + end),
  );
  for (const name of [...signatures, 'SHA256SUMS.sig']) rmSync(join(folder, name), { force: true });
  for (const name of readdirSync(staged)) renameSync(join(staged, name), join(folder, name));
  for (const name of archives) process.stdout.write(`${join(folder, name)}\n`);
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}
