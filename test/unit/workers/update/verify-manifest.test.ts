import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PackageManifest } from '../../../../src/shared/contracts/update.ts';
import { renderManifest } from '../../../../src/shared/packages/manifest.ts';
import { verifyManifest } from '../../../../src/workers/update/verify-manifest.ts';
import { temporaryFolder } from '../../../support/temp-folder.ts';
import { type KeyFiles, makeKey, refusalOf, signFile, signRaw } from '../../shared/packages/openssl-peer.ts';

const MANIFEST: PackageManifest = {
  component: 'agent',
  agent: 'filebeat',
  version: '8.1.0',
  platform: 'linux',
  arch: 'arm64',
  size: 1000,
  sha256: 'ab'.repeat(32),
  createdMs: Date.UTC(2026, 0, 1),
  expiresMs: Date.UTC(2026, 3, 1),
  allowDowngrade: false,
};
const TEXT = renderManifest(MANIFEST);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const keys = new Map<string, KeyFiles>();

beforeAll(async () => {
  folder = await temporaryFolder('manifest');
  for (const name of ['ed25519', 'rsa-2048', 'p-256'] as const) keys.set(name, makeKey(folder.path, name));
  const all = [...keys.values()].map(({ publicPem }) => publicPem).join('');
  writeFileSync(join(folder.path, 'all.pub'), all);
});
afterAll(() => folder.remove());

function signed(name: string, text: string): { publicKeyFile: string; manifest: string; signature: string } {
  const key = keys.get(name);
  if (!key) throw new Error(`no key ${name}`);
  const file = join(folder.path, 'manifest.json');
  writeFileSync(file, text);
  const signature = name === 'ed25519' ? signRaw(key, file) : signFile(key, file);
  return { publicKeyFile: join(folder.path, 'all.pub'), manifest: text, signature: signature.toString('base64') };
}

test.each(['ed25519', 'rsa-2048', 'p-256'])('signed by openssl with one of three keys: %s', async (name) => {
  const { manifest, keyId } = await verifyManifest(signed(name, TEXT));
  expect(manifest).toEqual(MANIFEST);
  const alone = { ...signed(name, TEXT), publicKeyFile: join(folder.path, `${name}.pub`) };
  expect((await verifyManifest(alone)).keyId).toBe(keyId);
});

test.each<[string, () => Parameters<typeof verifyManifest>[0], string]>([
  ['a byte was changed', () => ({ ...signed('ed25519', TEXT), manifest: TEXT.replace('8.1.0', '8.1.1') }), 'signature'],
  ['a newline was lost', () => ({ ...signed('ed25519', TEXT), manifest: TEXT.trimEnd() }), 'signature'],
  ['unsigned and malformed', () => ({ ...signed('ed25519', TEXT), manifest: '{' }), 'signature'],
  ['of another manifest', () => ({ ...signed('ed25519', `${TEXT}\n`), manifest: TEXT }), 'signature'],
  ['of a key not here', () => ({ ...signed('p-256', TEXT), publicKeyFile: `${folder.path}/ed25519.pub` }), 'signature'],
  ['without a signature', () => ({ ...signed('p-256', TEXT), signature: '' }), 'signature'],
  ['no base64', () => ({ ...signed('p-256', TEXT), signature: 'a signature' }), 'signature'],
  ['no public key', () => ({ ...signed('p-256', TEXT), publicKeyFile: `${folder.path}/none.pub` }), 'key'],
  ['a private key', () => ({ ...signed('p-256', TEXT), publicKeyFile: `${folder.path}/p-256.key` }), 'key'],
  ['signed, but malformed', () => signed('ed25519', '{}'), 'manifest'],
])('refused: %s', async (_what, input, check) => {
  const { code, message } = await refusalOf(() => verifyManifest(input()));
  expect(code).toBe('D4002');
  expect(message).toMatch(new RegExp(`\\(check: ${check}\\)$`));
});
