import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { type PushCommand, pushedUpdate } from '../../../src/manager/push-file.ts';
import { renderManifest } from '../../../src/shared/packages/manifest.ts';
import { testFolder } from '../../support/temp-folder.ts';

const MANIFEST = renderManifest({
  component: 'daemon',
  agent: '',
  version: '1.2.3',
  platform: 'linux',
  arch: 'x64',
  size: 4,
  sha256: 'a'.repeat(64),
  createdMs: 0,
  expiresMs: 1,
  allowDowngrade: false,
});
const SHA256 = createHash('sha256').update('data').digest('hex');

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await testFolder('push');
  file = join(folder, 'package');
  writeFileSync(file, 'data');
});
const write = (suffix: string, content: string): void => writeFileSync(file + suffix, content);

test('a package with its signature beside it goes inline', () => {
  write('.sig', 'sig');
  expect(pushedUpdate({ file, version: '2', agent: 'a' })).toEqual({
    component: 'agent',
    agent: 'a',
    version: '2',
    url: '',
    sha256: SHA256,
    signature: Buffer.from('sig').toString('base64'),
    data: Buffer.from('data').toString('base64'),
    manifest: '',
    retry: false,
  });
});

test('a manifest beside it says the version, and is what is signed', () => {
  write('.sig', 'not this');
  write('.manifest.json', MANIFEST);
  write('.manifest.json.sig', 'sig');
  expect(pushedUpdate({ file, retry: true })).toMatchObject({
    component: 'daemon',
    version: '1.2.3',
    manifest: MANIFEST,
    signature: Buffer.from('sig').toString('base64'),
    retry: true,
  });
});

test('with a URL the package stays here', () => {
  write('.sig', 'sig');
  const update = pushedUpdate({ file, version: '2', url: 'https://u/p' });
  expect(update).toMatchObject({ url: 'https://u/p', data: '', sha256: SHA256 });
});

test('a URL alone wants everything to be said', () => {
  writeFileSync(join(folder, 's'), 'sig');
  const command = { url: 'https://u/p', sig: join(folder, 's'), version: '2', sha256: 'ff' };
  expect(pushedUpdate(command)).toMatchObject({ url: 'https://u/p', sha256: 'ff', data: '' });
});

test.each<[string, (at: string) => PushCommand, string]>([
  ['nothing at all', () => ({}), 'give the package: FILE, --url URL, or both'],
  ['no signature', (at) => ({ file: at }), 'the package has no signature beside it'],
  ['no version', (at) => ({ file: at, sig: at }), 'give the version with --version'],
  ['no hash', (at) => ({ url: 'https://u', sig: at, version: '2' }), 'give the SHA-256'],
  ['no such file', (at) => ({ file: `${at}x`, sig: at, version: '2' }), 'cannot be read'],
  ['no such signature', (at) => ({ file: at, sig: `${at}x`, version: '2' }), 'the signature'],
  ['no such manifest', (at) => ({ file: at, manifest: `${at}x` }), 'the manifest'],
])('%s is refused', (_, command, message) => {
  expect(() => pushedUpdate(command(file))).toThrow(message);
});

test('too large for a message: only with a URL', () => {
  writeFileSync(file, Buffer.alloc(10 * 1024 * 1024));
  write('.sig', 'sig');
  expect(() => pushedUpdate({ file, version: '2' })).toThrow('too large to be sent inline (10485760 bytes)');
  expect(pushedUpdate({ file, version: '2', url: 'https://u/p' }).data).toBe('');
});
