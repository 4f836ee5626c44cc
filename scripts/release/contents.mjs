// What is in a release: path below its root folder → content and mode, for everything that is no folder.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../setup.mjs';
import { installerText } from './installer.mjs';
import { packagesOf, thirdPartyText } from './packages.mjs';
import { sbomOf } from './sbom.mjs';

/** Without these there is no release. What else the build makes for a host comes along. */
const NEEDED = ['daemon', 'config', 'collect', 'other-systems', 'pool', 'update-tasks', 'piscina', 'worker'];
/** For demonstrations, tests and benchmarks: no host needs them. */
const NOT_FOR_HOSTS = ['manager', 'demo', 'sample-agent', 'bench', 'stress', 'measure', 'timed-collect'];
/** Started by a launcher in bin/. */
const PROGRAMS = ['daemon', 'daemonctl'];
/** Native, built where there is a C compiler: the daemon is larger without it, and otherwise the same. */
export const ADDON = 'give-back.node';
/** Shell → name that the shell looks for. */
const COMPLETIONS = { bash: 'daemonctl.bash', zsh: '_daemonctl' };
/** Place in the release → source and mode. */
const FURTHER = {
  'share/configs/daemon.yaml': ['configs/daemon.yaml', 0o644],
  'share/configs/daemon.multi-agent.example.yaml': ['configs/daemon.multi-agent.example.yaml', 0o644],
  'share/systemd/daemon.service': ['scripts/systemd/daemon.service', 0o644],
  'share/uninstall.sh': ['scripts/uninstall.sh', 0o755],
  'share/update.sh': ['scripts/update.sh', 0o755],
};

/** Names of the bundles for a host. Throws where one is missing. */
function bundlesOf(dist) {
  const missing = NEEDED.filter((name) => !existsSync(join(dist, `${name}.js`)));
  if (missing.length > 0)
    throw new Error(`${dist} lacks ${missing.map((name) => `${name}.js`).join(', ')}: build it first`);
  const built = readdirSync(dist).filter((name) => name.endsWith('.js'));
  return built.map((name) => name.slice(0, -'.js'.length)).filter((name) => !NOT_FOR_HOSTS.includes(name));
}

/** What daemonctl itself writes for a shell; null where it has no such verb. */
function completion(dist, shell) {
  const args = [join(dist, 'daemonctl.js'), 'completion', shell];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'buffer', timeout: 20_000 });
  return status === 0 && stdout.length > 0 ? stdout : null;
}

/** The same on every machine. */
export function commonContents(dist, version) {
  const bundles = bundlesOf(dist);
  const launcher = readFileSync(join(ROOT, 'scripts', 'launcher.sh'));
  const files = new Map([['VERSION', { content: Buffer.from(`${version}\n`), mode: 0o644 }]]);
  for (const name of PROGRAMS.filter((program) => bundles.includes(program))) {
    files.set(`bin/${name}`, { content: launcher, mode: 0o755 });
  }
  for (const name of ['package.json', ...bundles.map((bundle) => `${bundle}.js`)]) {
    files.set(`lib/${name}`, { content: readFileSync(join(dist, name)), mode: 0o644 });
  }
  for (const [place, [source, mode]] of Object.entries(FURTHER)) {
    const path = join(ROOT, source);
    if (existsSync(path)) files.set(place, { content: readFileSync(path), mode });
  }
  files.set('share/install.sh', { content: Buffer.from(installerText()), mode: 0o755 });
  for (const [shell, name] of Object.entries(COMPLETIONS)) {
    const content = bundles.includes('daemonctl') ? completion(dist, shell) : null;
    if (content) files.set(`share/completions/${name}`, { content, mode: 0o644 });
  }
  return { files, packages: packagesOf(dist, bundles) };
}

/** With what is of one kind of machine. `addon`: path, or null. `node`: what nodeFor() gives, or null. */
export function contentsFor(arch, { common, version, addon, node, time }) {
  const { packages } = common;
  const sbom = sbomOf({ version, arch, packages, node, time });
  const files = new Map(common.files);
  files.set('THIRD-PARTY', { content: Buffer.from(thirdPartyText(packages, node)), mode: 0o644 });
  files.set('share/sbom.cdx.json', { content: Buffer.from(sbom), mode: 0o644 });
  if (addon) files.set(`lib/${ADDON}`, { content: readFileSync(addon), mode: 0o644 });
  if (node) files.set('bin/node', { content: node.binary, mode: 0o755 });
  return { files, sbom };
}
