import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { keygen } from '../../../src/ctl/keygen.ts';
import { type ManifestFacts, parseExpiry, type SignOptions, sign } from '../../../src/ctl/sign.ts';
import { parseManifest } from '../../../src/shared/packages/manifest.ts';
import { testFolder } from '../../support/temp-folder.ts';
import { type KeyName, makeKey, openssl, opensslTakes } from '../shared/packages/openssl-peer.ts';

const NOW_MS = Date.UTC(2026, 0, 31, 12, 0, 0, 250);
const DAY_MS = 24 * 3_600_000;
const CONTENT = Buffer.alloc(1_500_000, 'a package ');
const FACTS: ManifestFacts = {
  component: 'agent',
  agent: 'filebeat',
  version: '8.1.0',
  platform: 'linux',
  arch: 'x64',
  expiresMs: NOW_MS + 90 * DAY_MS,
  allowDowngrade: true,
};

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await testFolder('sign');
  mkdirSync(join(folder, 'packages'));
  file = join(folder, 'packages', 'package');
  writeFileSync(file, CONTENT);
});

function options(keyFile: string, over: Partial<SignOptions> = {}): SignOptions {
  return { file, keyFile, passphraseFile: '', pss: false, manifest: null, nowMs: NOW_MS, ...over };
}

const written = (): string[] => readdirSync(join(folder, 'packages'));

describe('openssl takes what we sign', () => {
  test.each<[KeyName, boolean, 'dgst' | 'pss']>([
    ['rsa-2048', false, 'dgst'],
    ['rsa-3072', true, 'pss'],
    ['rsa-pss', false, 'pss'],
    ['rsa-pss', true, 'pss'],
    ['p-256', false, 'dgst'],
    ['p-384', false, 'dgst'],
  ])('%s, pss %s', (name, pss, how) => {
    const key = makeKey(folder, name);
    const signed = sign(options(key.privateFile, { pss, manifest: FACTS }));
    const manifest = `${file}.manifest.json`;
    expect(opensslTakes(key.publicFile, file, `${file}.sig`, how)).toBe(true);
    expect(opensslTakes(key.publicFile, manifest, `${manifest}.sig`, how)).toBe(true);
    expect(signed.sha256).toBe(openssl('dgst', '-sha256', '-r', file).toString().slice(0, 64));
    expect(signed.signature?.base64).toBe(readFileSync(`${file}.sig`).toString('base64'));
    expect(signed.manifest?.signature.base64).toBe(readFileSync(`${manifest}.sig`).toString('base64'));
    expect(written()).toEqual(['package', 'package.manifest.json', 'package.manifest.json.sig', 'package.sig']);
  });

  test('PKCS#1 is byte for byte what openssl writes', () => {
    const key = makeKey(folder, 'rsa-2048');
    sign(options(key.privateFile));
    expect(readFileSync(`${file}.sig`)).toEqual(openssl('dgst', '-sha256', '-sign', key.privateFile, file));
    expect(written()).toEqual(['package', 'package.sig']);
  });

  test('Ed25519: the manifest only', () => {
    const key = makeKey(folder, 'ed25519');
    const signed = sign(options(key.privateFile, { manifest: FACTS }));
    const manifest = `${file}.manifest.json`;
    expect(opensslTakes(key.publicFile, manifest, `${manifest}.sig`, 'raw')).toBe(true);
    expect(signed.signature).toBeNull();
    expect(written()).toEqual(['package', 'package.manifest.json', 'package.manifest.json.sig']);
  });

  test('with an encrypted key, of openssl and of ours', () => {
    const passphraseFile = join(folder, 'passphrase');
    writeFileSync(passphraseFile, 'horse\n', { mode: 0o600 });
    const { privateFile } = makeKey(folder, 'p-256');
    const encrypted = join(folder, 'encrypted.key');
    openssl('pkey', '-in', privateFile, '-aes256', '-passout', 'pass:horse', '-out', encrypted);
    const ours = keygen({ type: 'ecdsa', bits: 0, curve: 'P-256', out: join(folder, 'ours'), passphraseFile });
    for (const keyFile of [encrypted, ours.privateFile]) {
      chmodSync(keyFile, 0o600);
      expect(sign(options(keyFile, { passphraseFile })).signature).not.toBeNull();
      expect(() => sign(options(keyFile))).toThrow('it is encrypted: give --passphrase-file');
    }
    writeFileSync(passphraseFile, 'donkey\n');
    expect(() => sign(options(encrypted, { passphraseFile }))).toThrow('is that the right --passphrase-file?');
  });
});

test('the manifest says what it was told, and what the package tells', () => {
  const { privateFile } = makeKey(folder, 'p-256');
  const { sha256 } = sign(options(privateFile, { manifest: FACTS }));
  const createdMs = NOW_MS - 250;
  expect(parseManifest(readFileSync(`${file}.manifest.json`, 'utf8'))).toEqual({
    ...FACTS,
    size: CONTENT.length,
    sha256,
    createdMs,
  });
});

test('what was signed before is replaced', () => {
  const { privateFile } = makeKey(folder, 'rsa-2048');
  writeFileSync(`${file}.sig`, 'old');
  sign(options(privateFile));
  expect(readFileSync(`${file}.sig`)).toHaveLength(256);
});

describe('refused, with nothing written', () => {
  test.each<[string, KeyName, Partial<SignOptions>, string]>([
    ['Ed25519 without a manifest', 'ed25519', {}, 'which signs manifests only'],
    ['PSS with ECDSA', 'p-256', { pss: true }, '--pss is for RSA keys'],
    ['RSA of 1024 bits', 'rsa-1024', {}, 'is RSA with 1024 bits only'],
    ['a curve that no daemon takes', 'p-521', {}, 'is ECDSA on secp521r1'],
    ['no package', 'p-256', { file: '/nowhere/package' }, '/nowhere/package cannot be opened'],
    ['no version', 'p-256', { manifest: { ...FACTS, version: 'latest' } }, "the manifest's version is"],
    ['expired already', 'p-256', { manifest: { ...FACTS, expiresMs: NOW_MS - DAY_MS } }, "the manifest's expires"],
  ])('%s', (_what, name, over, says) => {
    const { privateFile } = makeKey(folder, name);
    expect(() => sign(options(privateFile, over))).toThrow(says);
    expect(written()).toEqual(['package']);
  });

  test.each([0o640, 0o604, 0o620])('a private key with the mode %o', (mode) => {
    const { privateFile } = makeKey(folder, 'p-256');
    chmodSync(privateFile, mode);
    expect(() => sign(options(privateFile))).toThrow(`run chmod 600 ${privateFile}`);
    expect(written()).toEqual(['package']);
  });

  test('a public key in place of the private one', () => {
    const { publicFile } = makeKey(folder, 'p-256');
    chmodSync(publicFile, 0o600);
    expect(() => sign(options(publicFile))).toThrow('give a PEM file of the private key');
  });

  test('one of the files cannot get its name: no temporary file stays', () => {
    const { privateFile } = makeKey(folder, 'p-256');
    mkdirSync(`${file}.sig`);
    expect(() => sign(options(privateFile, { manifest: FACTS }))).toThrow('the signatures cannot be written');
    expect(written()).toEqual(['package', 'package.sig']);
    rmSync(`${file}.sig`, { recursive: true });
    expect(existsSync(`${file}.manifest.json`)).toBe(false);
  });
});

describe('when a manifest expires', () => {
  test.each([
    ['90d', NOW_MS + 90 * DAY_MS],
    ['36h', NOW_MS + 1.5 * DAY_MS],
    ['2026-12-31T00:00:00Z', Date.UTC(2026, 11, 31)],
  ])('%s', (text, ms) => {
    expect(parseExpiry(text, NOW_MS)).toBe(ms);
  });

  test.each(['', '90', '90 d', '3w', '1000000d', '2026-12-31', '2026-02-30T00:00:00Z'])('not %j', (text) => {
    expect(parseExpiry(text, NOW_MS)).toBeNull();
  });
});
