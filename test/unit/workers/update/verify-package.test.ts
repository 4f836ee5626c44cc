import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { TaskProgress, VerifyPackageInput } from '../../../../src/shared/contracts/pool-tasks.ts';
import { verifyPackage } from '../../../../src/workers/update/verify-package.ts';
import { temporaryFolder, testFolder } from '../../../support/temp-folder.ts';
import { bundle } from '../../ctl/bundle.ts';
import { type KeyFiles, makeKey, openssl, refusalOf, signFile } from '../../shared/packages/openssl-peer.ts';

const MIB = 1024 * 1024;
const CONTENT = Buffer.alloc(2.5 * MIB, 'a package ');
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

let keyFolder: Awaited<ReturnType<typeof temporaryFolder>>;
let key: KeyFiles;
let folder: string;
let input: VerifyPackageInput;
const silent = { progress: () => {} };

beforeAll(async () => {
  keyFolder = await temporaryFolder('verify-keys');
  key = makeKey(keyFolder.path, 'rsa-2048');
});
afterAll(() => keyFolder.remove());

beforeEach(async () => {
  folder = await testFolder('verify');
  const path = join(folder, 'package');
  writeFileSync(path, CONTENT);
  const signature = signFile(key, path).toString('base64');
  input = { path, sha256: SHA256, bytes: CONTENT.length, signature, publicKeyFile: key.publicFile };
});

async function refusal(changed: Partial<VerifyPackageInput>, check: string): Promise<string> {
  const { code, message } = await refusalOf(() => verifyPackage({ ...input, ...changed }, silent));
  expect(code).toBe('D4002');
  expect(message).toMatch(new RegExp(`\\(check: ${check}\\)$`));
  if (input.signature) expect(message).not.toContain(input.signature.slice(0, 40));
  return message;
}

describe('taken', () => {
  test('with hash, size and signature; progress a chunk', async () => {
    const seen: TaskProgress[] = [];
    const output = await verifyPackage(input, { progress: (progress) => seen.push(progress) });
    expect(output).toEqual({ sha256: SHA256, bytes: CONTENT.length, keyId: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(seen).toEqual([1, 2, 2.5].map((mib) => ({ done: mib * MIB, total: 2.5 * MIB })));
    expect(readdirSync(folder)).toEqual(['package']);
  });

  test.each<[string, Partial<VerifyPackageInput>]>([
    ['without a size', { bytes: null }],
    ['a hash in upper case', { sha256: SHA256.toUpperCase() }],
  ])('%s', async (_what, changed) => {
    expect((await verifyPackage({ ...input, ...changed }, silent)).sha256).toBe(SHA256);
  });

  test('without a signature no key is wanted', async () => {
    const output = await verifyPackage({ ...input, signature: '', publicKeyFile: '/nowhere' }, silent);
    expect(output).toEqual({ sha256: SHA256, bytes: CONTENT.length, keyId: '' });
  });

  test('an empty file', async () => {
    writeFileSync(input.path, '');
    const sha256 = createHash('sha256').digest('hex');
    expect((await verifyPackage({ ...input, bytes: 0, sha256, signature: '' }, silent)).bytes).toBe(0);
  });
});

describe('refused', () => {
  test.each<[string, Partial<VerifyPackageInput>, string, string]>([
    ['another size', { bytes: CONTENT.length + 1 }, 'size', `${CONTENT.length + 1} are announced`],
    ['another hash', { sha256: '0'.repeat(64) }, 'hash', `has the SHA-256 ${SHA256} where 000`],
    ['another hash, unsigned', { sha256: '0'.repeat(64), signature: '' }, 'hash', 'is announced'],
    ['a hash that is too short', { sha256: SHA256.slice(1) }, 'hash', '64 hexadecimal digits'],
    ['a hash that is none', { sha256: `x${SHA256.slice(1)}` }, 'hash', '64 hexadecimal digits'],
    ['no hash', { sha256: '' }, 'hash', '64 hexadecimal digits'],
    ['a signature that is no base64', { signature: '*' }, 'signature', 'not base64'],
    ['no public key', { publicKeyFile: '/nowhere/update.pub' }, 'key', '/nowhere/update.pub'],
    ['no package', { path: '/nowhere/package' }, 'source', '/nowhere/package'],
  ])('%s', async (_what, changed, check, says) => {
    expect(await refusal(changed, check)).toContain(says);
  });

  test('a bit was turned: signature before hash', async () => {
    const flipped = Buffer.from(CONTENT);
    flipped[2 * MIB] = (flipped[2 * MIB] ?? 0) ^ 1;
    writeFileSync(input.path, flipped);
    await refusal({}, 'signature');
    await refusal({ signature: '' }, 'hash');
  });

  test('cut off', async () => {
    truncateSync(input.path, CONTENT.length - 1);
    await refusal({}, 'size');
    await refusal({ bytes: null }, 'signature');
  });

  test.each<[string, (path: string) => void, string]>([
    ['a link', (path) => symlinkSync(input.path, path), 'cannot be opened'],
    ['a folder', (path) => mkdirSync(path), 'is no regular file'],
    ['a pipe that nobody writes to', (path) => execFileSync('mkfifo', [path]), 'is no regular file'],
    ['a device', (path) => symlinkSync('/dev/null', path), 'cannot be opened'],
  ])('%s', async (_what, make, says) => {
    const path = join(folder, 'other');
    make(path);
    expect(await refusal({ path, bytes: null }, 'source')).toContain(says);
  });

  test.each<[string, () => void]>([
    ['longer', () => appendFileSync(input.path, 'x')],
    ['shorter', () => truncateSync(input.path, 2 * MIB)],
  ])('the file becomes %s while it is read', async (_what, change) => {
    let chunks = 0;
    const progress = (): void => {
      if (++chunks === 1) change();
    };
    const { message } = await refusalOf(() => verifyPackage(input, { progress }));
    expect(message).toMatch(/was changed while it was read.*\(check: size\)$/);
  });

  test('no descriptor is left open, whatever the end', async () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    await verifyPackage(input, silent);
    await refusal({ bytes: 1 }, 'size');
    await refusal({ sha256: '0'.repeat(64) }, 'hash');
    await refusal({ path: folder, bytes: null }, 'source');
    expect(open()).toBe(before);
  });
});

test('2 GiB are verified in the memory of 1 MiB', async () => {
  const program = bundle(
    folder,
    'verify',
    `import { readFileSync } from 'node:fs';
     import { verifyPackage } from './src/workers/update/verify-package.ts';
     void verifyPackage(JSON.parse(process.argv[2] ?? ''), { progress() {} }).then(
       (output) => console.log(output.bytes, /VmHWM:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]),
     );`,
  );
  const measure = async (of: VerifyPackageInput): Promise<{ bytes: number; highWaterKib: number }> => {
    const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(of)]);
    const [bytes = 0, highWaterKib = 0] = stdout.trim().split(' ').map(Number);
    return { bytes, highWaterKib };
  };
  const [few, many] = [await measure(sparse('small', MIB)), await measure(sparse('large', 2048 * MIB))];
  expect([few.bytes, many.bytes]).toEqual([MIB, 2048 * MIB]);
  expect(few.highWaterKib).toBeGreaterThan(0);
  expect(many.highWaterKib - few.highWaterKib).toBeLessThan(20 * 1024);
}, 120_000);

/** A file of zeros that takes no room on the disk, and what openssl says of it. */
function sparse(name: string, bytes: number): VerifyPackageInput {
  const path = join(folder, name);
  writeFileSync(path, '');
  truncateSync(path, bytes);
  const sha256 = openssl('dgst', '-sha256', '-r', path).toString().slice(0, 64);
  return { ...input, path, sha256, bytes, signature: signFile(key, path).toString('base64') };
}
