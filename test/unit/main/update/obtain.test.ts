import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  checkBefore,
  fetchPackage,
  hostOfAddress,
  type ObtainDeps,
  packagePath,
  trustedHosts,
  unpackLimits,
  verifyFetched,
  verifyMsOf,
} from '../../../../src/main/update/obtain.ts';
import type { DownloadInput, TaskProgress } from '../../../../src/shared/contracts/pool-tasks.ts';
import type { PackageManifest, UpdateRequest } from '../../../../src/shared/contracts/update.ts';
import { renderManifest } from '../../../../src/shared/packages/manifest.ts';
import { temporaryFolder, testFolder } from '../../../support/temp-folder.ts';
import { type KeyFiles, makeKey, signFile } from '../../shared/packages/openssl-peer.ts';
import { realTasks } from './tasks.ts';

const PROGRAM = '#!/bin/sh\nexit 0\n';
const SHA256 = createHash('sha256').update(PROGRAM).digest('hex');
const NOW = Date.UTC(2026, 0, 2);
const TARGET = { agentId: 'one', agentType: 'custom' } as const;

let keys: Awaited<ReturnType<typeof temporaryFolder>>;
let key: KeyFiles;
let folder: string;
let file: string;
let downloads: DownloadInput[];
let deps: ObtainDeps;
let progress: TaskProgress[];

beforeAll(async () => {
  keys = await temporaryFolder('obtain-keys');
  key = makeKey(keys.path, 'p-256');
});
afterAll(() => keys.remove());
beforeEach(async () => {
  folder = await testFolder('obtain');
  file = join(folder, 'package');
  writeFileSync(file, PROGRAM);
  downloads = [];
  progress = [];
  const download = async (input: DownloadInput): Promise<{ bytes: number; retries: number }> => {
    downloads.push(input);
    return { bytes: 0, retries: 0 };
  };
  deps = {
    tasks: realTasks({ download }),
    update: {
      ...{ downloadDir: join(folder, 'downloads'), backupDir: '', maxBackups: 5, trustedHosts: [] },
      ...{ verifyTimeoutMs: 1, verifyMs: 1, publicKeyFile: key.publicFile, allowHttpLoopback: false },
      ...{ maxBytes: 1000, downloadTimeoutMs: 9000, minBytesPerSecond: 10, rateLimit: 20 },
    },
    manager: {
      addresses: ['Manager.example:9090'],
      tls: { certFile: '/c', keyFile: '/k', caFile: '/a' },
    } as ObtainDeps['manager'],
    wallMs: () => NOW,
  };
});

const options = {
  signal: new AbortController().signal,
  onProgress: (seen: TaskProgress): void => void progress.push(seen),
};
const request = (over: Partial<UpdateRequest> = {}): UpdateRequest => ({
  ...{ component: 'agent', agentId: 'one', version: '1.1.0', source: { kind: 'file', path: file, owned: false } },
  ...{ sha256: SHA256, signature: '', manifest: '', origin: 'local', allowDowngrade: false, retry: false },
  ...over,
});
function signed(over: Partial<PackageManifest> = {}): Pick<UpdateRequest, 'manifest' | 'signature'> {
  const { platform, arch } = process;
  const manifest = renderManifest({
    ...{ component: 'agent', agent: 'one', version: '1.1.0', platform, arch, size: PROGRAM.length, sha256: SHA256 },
    ...{ createdMs: NOW - 1000, expiresMs: NOW + 1000, allowDowngrade: false },
    ...over,
  });
  const path = join(folder, 'manifest');
  writeFileSync(path, manifest);
  return { manifest, signature: signFile(key, path).toString('base64') };
}
const refused = (check: string): object => ({ code: 'D4002', message: expect.stringContaining(`(check: ${check})`) });

test.each([
  ['manager:9090', 'manager'],
  ['Manager.Example:1', 'manager.example'],
  ['10.0.0.1:443', '10.0.0.1'],
  ['[::1]:443', '::1'],
])('the host of %s is %s', (address, host) => expect(hostOfAddress(address)).toBe(host));

test('the Manager’s host is trusted where no other is named', () => {
  expect(trustedHosts(deps)).toEqual(['manager.example']);
  expect(trustedHosts({ ...deps, update: { ...deps.update, trustedHosts: ['A.example', 'b'] } })).toEqual([
    'a.example',
    'b',
  ]);
});

describe('before anything is fetched', () => {
  test('a file needs no trust, and no manifest', async () => {
    expect(await checkBefore(request(), TARGET, deps)).toBeNull();
  });

  test('what a manifest says, once its signature is checked', async () => {
    expect(await checkBefore(request(signed()), TARGET, deps)).toMatchObject({ sha256: SHA256, version: '1.1.0' });
  });

  test('of the daemon', async () => {
    const manifest = signed({ component: 'daemon', agent: '' });
    const asked = request({ component: 'daemon', agentId: '', ...manifest });
    expect(await checkBefore(asked, { agentId: '', agentType: null }, deps)).toMatchObject({ component: 'daemon' });
  });

  test.each<[string, () => Partial<UpdateRequest>, string]>([
    ['another host', () => ({ source: { kind: 'url', url: 'https://other.example/p' } }), 'source'],
    ['no TLS', () => ({ source: { kind: 'url', url: 'http://manager.example/p' } }), 'source'],
    ['another signature', () => ({ ...signed(), signature: 'bm9uZQ==' }), 'signature'],
    ['a changed manifest', () => ({ ...signed(), manifest: signed({ version: '1.1.1' }).manifest }), 'signature'],
    ['another agent', () => signed({ agent: 'two' }), 'component'],
    ['another version', () => signed({ version: '1.1.1' }), 'version'],
    ['another machine', () => signed({ arch: 'mips' }), 'arch'],
    ['another system', () => signed({ platform: 'sunos' }), 'platform'],
    ['too late', () => signed({ expiresMs: NOW }), 'expiry'],
    ['another hash than was asked for', () => signed({ sha256: '0'.repeat(64) }), 'hash'],
  ])('%s is refused', async (_, over, check) => {
    await expect(checkBefore(request(over()), TARGET, deps)).rejects.toMatchObject(refused(check));
  });
});

describe('fetching', () => {
  const to = (): string => join(folder, 'downloads/u1.package');

  test('from a URL: within the limits of the configuration and the size of the manifest', async () => {
    const source = { kind: 'url', url: 'https://manager.example/p' } as const;
    await fetchPackage(request({ source }), await checkBefore(request(signed()), TARGET, deps), to(), deps, options);
    expect(downloads[0]).toMatchObject({
      ...{ url: source.url, to: to(), trustedHosts: ['manager.example'], identityHosts: ['manager.example'] },
      ...{ allowHttpLoopback: false, maxBytes: 1000, expectedBytes: PROGRAM.length, timeoutMs: 9000 },
      ...{ minBytesPerSecond: 10, rateLimit: 20, tls: deps.manager.tls },
    });
    await fetchPackage(request({ source }), null, to(), deps, options);
    expect(downloads[1]?.expectedBytes).toBeNull();
    expect(statSync(join(folder, 'downloads')).mode & 0o777).toBe(0o700);
  });

  test('somebody’s file is copied, for nobody else to read', async () => {
    await fetchPackage(request(), null, to(), deps, options);
    expect(readFileSync(to(), 'utf8')).toBe(PROGRAM);
    expect(statSync(to()).mode & 0o777).toBe(0o600);
    expect(existsSync(file)).toBe(true);
    expect(progress.at(-1)).toEqual({ done: PROGRAM.length, total: PROGRAM.length });
  });

  test('our own file is taken', async () => {
    await fetchPackage(request({ source: { kind: 'file', path: file, owned: true } }), null, to(), deps, options);
    expect(readFileSync(to(), 'utf8')).toBe(PROGRAM);
    expect(existsSync(file)).toBe(false);
  });

  test.each([
    ['not there', 'D4001', () => file.concat('x'), 'cannot be read'],
    ['too large', 'D4002', () => file, '1001 bytes, update.max_size allows 1000 (check: size)'],
  ])('a file that is %s', async (what, code, path, says) => {
    if (what === 'too large') writeFileSync(file, 'x'.repeat(1001));
    const source = { kind: 'file', path: path(), owned: false } as const;
    const fetched = fetchPackage(request({ source }), null, to(), deps, options);
    await expect(fetched).rejects.toMatchObject({ code, message: expect.stringContaining(says) });
    expect(readdirSync(join(folder, 'downloads'))).toEqual([]);
  });
});

describe('what was fetched', () => {
  const signature = (): string => signFile(key, file).toString('base64');
  test('with a signature of its own', async () => {
    const verified = await verifyFetched(file, request({ signature: signature() }), null, deps, options);
    expect(verified).toEqual({ sha256: SHA256, form: { form: 'program', arch: null } });
  });

  test('with a manifest that vouches for its hash', async () => {
    const asked = request({ ...signed(), sha256: '' });
    const verified = await verifyFetched(file, asked, await checkBefore(asked, TARGET, deps), deps, options);
    expect(verified.sha256).toBe(SHA256);
  });

  test.each<[string, () => void, () => Partial<UpdateRequest>, string]>([
    ['another hash', () => {}, () => ({ signature: signature(), sha256: '0'.repeat(64) }), 'hash'],
    ['another signature', () => {}, () => ({ signature: 'bm9uZQ==' }), 'signature'],
    ['a bit flipped', () => writeFileSync(file, PROGRAM.replace('0', '1')), () => signed(), 'hash'],
    ['cut short', () => writeFileSync(file, PROGRAM.slice(0, 5)), () => signed(), 'size'],
    ['no package', () => {}, () => ({ signature: signature() }), 'archive'],
  ])('%s is refused', async (what, change, over, check) => {
    if (what === 'no package') writeFileSync(file, 'text');
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
    const asked = request({ sha256: what === 'no package' ? sha256 : SHA256, ...over() });
    const manifest = await checkBefore(asked, TARGET, deps);
    change();
    await expect(verifyFetched(file, asked, manifest, deps, options)).rejects.toMatchObject(refused(check));
  });
});

test('limits that follow from the configuration', () => {
  expect(unpackLimits({ ...deps.update, maxBytes: 10 })).toEqual({ maxFiles: 20_000, maxBytes: 40, maxDepth: 20 });
  expect(packagePath(deps.update, 'u1')).toBe(join(folder, 'downloads/u1.package'));
  expect(verifyMsOf({ ...deps.update, verifyMs: 30, verifyTimeoutMs: 300 })).toBe(30);
  expect(verifyMsOf({ ...deps.update, verifyMs: 30, verifyTimeoutMs: 20 })).toBe(10);
});
