import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { EXIT, exitCodeOf } from '../../../src/ctl/exit.ts';
import { type UpdateCommand, updateRequest } from '../../../src/ctl/update-request.ts';
import { renderManifest } from '../../../src/shared/packages/manifest.ts';
import { testFolder } from '../../support/temp-folder.ts';

const CONTENT = 'a package';
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const MANIFEST = renderManifest({
  ...{ component: 'agent', agent: 'one', version: '1.1.0', platform: 'linux', arch: 'x64', size: CONTENT.length },
  ...{ sha256: SHA256, createdMs: 1_000, expiresMs: 2_000_000_000_000, allowDowngrade: false },
});
const base64 = (text: string): string => Buffer.from(text).toString('base64');

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await testFolder('update-request');
  file = join(folder, 'package');
  writeFileSync(file, CONTENT);
});
function put(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

describe('what is found beside the package', () => {
  test('a signed manifest: it says version and hash', async () => {
    put('package.manifest.json', MANIFEST);
    put('package.manifest.json.sig', 'signed');
    expect(await updateRequest('one', { file })).toEqual({
      ...{ component: 'agent', agentId: 'one', version: '1.1.0', source: { kind: 'file', path: file, owned: false } },
      ...{ sha256: '', signature: base64('signed'), manifest: MANIFEST, allowDowngrade: false, retry: false },
    });
  });

  test('a signature of the package: its hash is taken here', async () => {
    put('package.sig', 'signed');
    expect(await updateRequest('daemon', { file: relative('.', file), version: '2.0.0', retry: true })).toMatchObject({
      ...{ component: 'daemon', agentId: '', version: '2.0.0', source: { kind: 'file', path: file, owned: false } },
      ...{ sha256: SHA256, signature: base64('signed'), manifest: '', retry: true },
    });
  });

  test('both: the manifest counts, unless a signature is named', async () => {
    put('package.manifest.json', MANIFEST);
    put('package.manifest.json.sig', 'of the manifest');
    const sig = put('package.sig', 'of the package');
    expect(await updateRequest('one', { file })).toMatchObject({
      manifest: MANIFEST,
      signature: base64('of the manifest'),
    });
    expect(await updateRequest('one', { file, sig, version: '1.1.0' })).toMatchObject({
      ...{ manifest: '', signature: base64('of the package'), sha256: SHA256 },
    });
  });
});

describe('by URL everything is named', () => {
  const url = 'https://manager/package';
  test('hash, signature and version', async () => {
    const command = { url, sig: put('sig', 'signed'), sha256: SHA256, version: '1.1.0', allowDowngrade: true };
    expect(await updateRequest('one', command)).toMatchObject({
      ...{ source: { kind: 'url', url }, sha256: SHA256, version: '1.1.0', manifest: '', allowDowngrade: true },
    });
  });

  test('a manifest, with its signature beside it or elsewhere', async () => {
    const manifest = put('m', MANIFEST);
    put('m.sig', 'beside');
    expect(await updateRequest('one', { url, manifest })).toMatchObject({ sha256: '', signature: base64('beside') });
    const sig = put('elsewhere', 'elsewhere');
    expect(await updateRequest('one', { url, manifest, sig })).toMatchObject({
      ...{ manifest: MANIFEST, signature: base64('elsewhere') },
    });
  });
});

describe('refused', () => {
  const signed = (): string => put('package.sig', 'signed');
  const why = (command: UpdateCommand): Promise<Error> =>
    updateRequest('one', command).then(
      () => expect.unreachable('it is taken'),
      (error: Error) => error,
    );

  test.each<[string, () => UpdateCommand, string]>([
    ['no package', () => ({}), 'give the package with either --file or --url'],
    ['two packages', () => ({ file, url: 'https://x' }), 'give the package with either --file or --url'],
    ['no signature', () => ({ file }), 'no signature beside it: give --sig or --manifest'],
    ['no signature of what comes by URL', () => ({ url: 'https://x' }), 'give --sig or --manifest'],
    ['no version', () => ({ file, sig: signed() }), 'give the version with --version'],
    ['no hash', () => ({ url: 'https://x', sig: signed(), version: '1.0.0' }), 'give the SHA-256'],
  ])('as a wrong command line: %s', async (_, command, says) => {
    const error = await why(command());
    expect(error.message).toContain(says);
    expect(exitCodeOf(error)).toBe(EXIT.usage);
  });

  test.each<[string, () => UpdateCommand, string]>([
    ['a signature that is not there', () => ({ file, sig: join(folder, 'no'), version: '1.0.0' }), 'the signature'],
    ['a manifest that is not there', () => ({ file, manifest: join(folder, 'no') }), 'the manifest'],
    ['a manifest without signature', () => ({ file, manifest: put('m', MANIFEST) }), 'the signature'],
    ['a manifest that is none', () => ({ file, manifest: put('m', '{}') }), 'manifest'],
    ['a package that is not there', () => ({ file: join(folder, 'no'), sig: signed(), version: '1.0.0' }), 'ENOENT'],
  ])('as a failure: %s', async (_, command, says) => {
    const error = await why(command());
    expect(error.message).toContain(says);
    expect(exitCodeOf(error)).toBe(EXIT.failed);
  });

  test('a small file that is large, or no file', async () => {
    const sig = put('large', 'x'.repeat(65 * 1024));
    expect(await why({ file, sig, version: '1.0.0' })).toMatchObject({
      message: `the signature ${sig} cannot be read`,
      cause: { message: 'it is larger than 65536 bytes' },
    });
    rmSync(sig);
    mkdirSync(sig);
    await expect(updateRequest('one', { file, sig, version: '1.0.0' })).rejects.toThrow('cannot be read');
  });
});
