// The packages whose code a release carries: their version, licence and its text, and what the lockfile says they are.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../setup.mjs';

const LICENSE_FILE = /^(licen[cs]e|copying|notice)(\.(md|txt|mit|apache.*))?$/i;

/** `folder`: below the project's root. `integrity`: as the lockfile has it, empty where it has none. */
function packageAt(folder, lock) {
  const path = join(ROOT, folder);
  const { name, version, license = '', homepage = '' } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
  const texts = readdirSync(path)
    .filter((file) => LICENSE_FILE.test(file))
    .sort()
    .map((file) => readFileSync(join(path, file), 'utf8').trim());
  if (license === '') throw new Error(`${folder} does not say its licence: it cannot be given away`);
  return { name, version, license, homepage, texts, integrity: lock.packages[folder]?.integrity ?? '' };
}

/** What the bundles `shipped` hold, by name. `dist` has what the build wrote. Throws where it did not. */
export function packagesOf(dist, shipped) {
  const file = join(dist, 'bundled.json');
  if (!existsSync(file)) throw new Error(`${dist} lacks bundled.json: build it first`);
  const bundled = JSON.parse(readFileSync(file, 'utf8'));
  const unknown = shipped.filter((name) => !bundled[name]);
  if (unknown.length > 0) throw new Error(`${file} does not know ${unknown.join(', ')}: build it anew`);
  const folders = new Set(shipped.flatMap((name) => bundled[name]));
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  const packages = [...folders].map((folder) => packageAt(folder, lock));
  return packages.sort((a, b) => (`${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1));
}

/** The text of THIRD-PARTY. `node`: null where the release carries none. */
export function thirdPartyText(packages, node) {
  const blocks = packages.map(({ name, version, license, homepage, texts }) =>
    [`${name} ${version}`, `Licence: ${license}`, ...(homepage ? [homepage] : []), '', ...texts].join('\n'),
  );
  if (node) blocks.push(`Node.js ${node.version}\n\n${node.license.toString('utf8').trim()}`);
  const rule = `\n\n${'='.repeat(78)}\n\n`;
  return `${['What of others this release holds, and under which licences.', ...blocks].join(rule)}\n`;
}
