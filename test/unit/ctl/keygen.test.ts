import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type KeygenOptions, keygen, readPassphrase } from '../../../src/ctl/keygen.ts';
import { loadPublicKeys } from '../../../src/shared/packages/public-keys.ts';
import { testFolder } from '../../support/temp-folder.ts';
import { openssl } from '../shared/packages/openssl-peer.ts';

let folder: string;
let options: KeygenOptions;

beforeEach(async () => {
  folder = await testFolder('keygen');
  options = { type: 'ed25519', bits: 3072, curve: 'P-256', out: join(folder, 'release.key'), passphraseFile: '' };
});

function secret(text: string, mode = 0o600): string {
  const path = join(folder, 'passphrase');
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe('a pair that openssl and we read', () => {
  test.each<[string, Partial<KeygenOptions>, string]>([
    ['Ed25519', {}, 'ED25519 Private-Key'],
    ['RSA', { type: 'rsa' }, '3072 bit'],
    ['RSA of 4096 bits', { type: 'rsa', bits: 4096 }, '4096 bit'],
    ['ECDSA', { type: 'ecdsa' }, 'NIST CURVE: P-256'],
    ['ECDSA on P-384', { type: 'ecdsa', curve: 'P-384' }, 'NIST CURVE: P-384'],
  ])('%s', (_what, over, says) => {
    const made = keygen({ ...options, ...over });
    expect(made).toMatchObject({ privateFile: options.out, publicFile: `${options.out}.pub` });
    expect(openssl('pkey', '-in', made.privateFile, '-noout', '-text').toString()).toContain(says);
    expect(readFileSync(made.publicFile)).toEqual(openssl('pkey', '-in', made.privateFile, '-pubout'));
    expect(loadPublicKeys(made.publicFile)[0]?.keyId).toBe(made.keyId);
    expect(readdirSync(folder)).toEqual(['release.key', 'release.key.pub']);
  });

  test('the private one is its owner’s only, the public one everybody’s, whatever the umask', () => {
    const umask = process.umask(0o277);
    try {
      keygen(options);
    } finally {
      process.umask(umask);
    }
    expect(statSync(options.out).mode & 0o777).toBe(0o600);
    expect(statSync(`${options.out}.pub`).mode & 0o777).toBe(0o644);
  });

  test('encrypted with the first line of a file, as openssl reads it', () => {
    const passphraseFile = secret('correct horse\nsecond line\n');
    keygen({ ...options, passphraseFile });
    expect(readFileSync(options.out, 'utf8')).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
    const publicPem = openssl('pkey', '-in', options.out, '-passin', `file:${passphraseFile}`, '-pubout');
    expect(readFileSync(`${options.out}.pub`)).toEqual(publicPem);
  });
});

describe('nothing is overwritten and nothing left in part', () => {
  test.each(['release.key', 'release.key.pub'])('%s is there', (name) => {
    writeFileSync(join(folder, name), 'kept');
    expect(() => keygen(options)).toThrow(`${join(folder, name)} cannot be written`);
    expect(readdirSync(folder)).toEqual([name]);
    expect(readFileSync(join(folder, name), 'utf8')).toBe('kept');
  });

  test('a link that leads elsewhere', () => {
    symlinkSync(join(folder, 'elsewhere'), options.out);
    expect(() => keygen(options)).toThrow('nothing that is there is overwritten');
    expect(existsSync(join(folder, 'elsewhere'))).toBe(false);
    expect(readdirSync(folder)).toEqual(['release.key']);
  });

  test('no folder', () => {
    expect(() => keygen({ ...options, out: join(folder, 'none', 'release.key') })).toThrow('cannot be written');
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a passphrase', () => {
  test('none', () => {
    expect(readPassphrase('')).toBeNull();
  });

  test('without a newline', () => {
    expect(readPassphrase(secret('horse'))?.toString()).toBe('horse');
  });

  test.each([
    ['empty', '', 0o600, 'is empty'],
    ['empty in its first line', '\nhorse', 0o600, 'is empty'],
    ['open to its group', 'horse', 0o640, 'chmod 600'],
    ['open to others', 'horse', 0o604, 'chmod 600'],
    ['too large', 'x'.repeat(64 * 1024 + 1), 0o600, 'is not a small file'],
  ])('%s', (_what, text, mode, says) => {
    const path = secret(text, mode);
    expect(() => keygen({ ...options, passphraseFile: path })).toThrow(says);
    expect(readdirSync(folder)).toEqual(['passphrase']);
  });

  test.each<[string, (path: string) => void, string]>([
    ['a folder', (path) => mkdirSync(path), 'is not a small file'],
    ['nothing', () => {}, 'cannot be opened'],
  ])('%s in its place', (_what, make, says) => {
    const path = join(folder, 'place');
    make(path);
    expect(() => readPassphrase(path)).toThrow(says);
  });
});
