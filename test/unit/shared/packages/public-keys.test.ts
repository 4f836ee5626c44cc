import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadPublicKeys, parsePublicKeys } from '../../../../src/shared/packages/public-keys.ts';
import { temporaryFolder, testFolder } from '../../../support/temp-folder.ts';
import { type KeyFiles, type KeyName, makeKey, openssl, refusalOf } from './openssl-peer.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const made = new Map<KeyName, KeyFiles>();
const WHERE = '/etc/daemon/keys/update.pub';

beforeAll(async () => {
  folder = await temporaryFolder('keys');
});
afterAll(() => folder.remove());

function key(name: KeyName): KeyFiles {
  const known = made.get(name) ?? makeKey(folder.path, name);
  made.set(name, known);
  return known;
}

function pem(label: string, body: string): string {
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}

function base64Of(publicPem: string): string {
  return publicPem.split('\n').slice(1, -2).join('');
}

async function refusal(text: string): Promise<string> {
  const { code, message } = await refusalOf(() => parsePublicKeys(text, WHERE));
  expect(code).toBe('D4002');
  expect(message).toMatch(/\(check: key\)$/);
  expect(message).toContain(WHERE);
  return message;
}

describe('keys that are taken', () => {
  test.each([
    ['rsa-2048', 'rsa', 256],
    ['rsa-3072', 'rsa', 384],
    ['rsa-pss', 'rsa-pss', 256],
    ['p-256', 'ec', 72],
    ['p-384', 'ec', 104],
    ['ed25519', 'ed25519', 64],
  ] as const)('%s', (name, kind, signatureBytes) => {
    const { publicPem, publicFile } = key(name);
    const [found, ...others] = parsePublicKeys(publicPem, WHERE);
    expect(others).toEqual([]);
    const spki = openssl('pkey', '-pubin', '-in', publicFile, '-outform', 'DER');
    expect(found).toMatchObject({ kind, signatureBytes, keyId: createHash('sha256').update(spki).digest('hex') });
  });

  test('several in one file, in their order, each once, with blank lines and the line ends of Windows', () => {
    const first = key('p-256').publicPem;
    const second = key('ed25519').publicPem;
    const text = `\n${first}\n\n${second}${first}`.replaceAll('\n', '\r\n');
    expect(parsePublicKeys(text, WHERE).map(({ kind }) => kind)).toEqual(['ec', 'ed25519']);
  });
});

describe('what is refused, with the block and the reason', () => {
  test.each([
    ['rsa-1024', 'block 1 is RSA with 1024 bits only'],
    ['p-521', 'block 1 is ECDSA on secp521r1'],
    ['x25519', 'block 1 is of the type x25519'],
    ['rsa-pss-sha384', 'block 1 is RSA-PSS for sha384 only'],
  ] as const)('%s', async (name, why) => {
    expect(await refusal(key(name).publicPem)).toContain(why);
  });

  test.each(['PRIVATE KEY', 'ENCRYPTED PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY'])(
    'a private key: %s',
    async (label) => {
      const message = await refusal(`${key('p-256').publicPem}${pem(label, 'c2VjcmV0')}`);
      expect(message).toContain('block 2 is a private key, which must never be');
      expect(message).not.toContain('c2VjcmV0');
    },
  );

  test.each(['rsa-2048', 'p-256', 'ed25519'] as const)('the real private key of openssl: %s', async (name) => {
    const text = openssl('pkey', '-in', key(name).privateFile).toString();
    expect(await refusal(text)).toContain('block 1 is a private key');
  });

  test.each([
    ['pkcs8', []],
    ['pkcs1', ['-traditional']],
  ])('a private key that says it is a public one: %s', async (_form, options) => {
    const der = openssl('pkey', '-in', key('rsa-2048').privateFile, '-outform', 'DER', ...options);
    const message = await refusal(pem('PUBLIC KEY', der.toString('base64')));
    expect(message).toContain('block 1 cannot be read as a key');
    expect(message).not.toContain(der.toString('base64').slice(100, 140));
  });

  test.each([
    ['a certificate', 'CERTIFICATE', 'openssl x509'],
    ['PKCS#1', 'RSA PUBLIC KEY', 'openssl rsa -RSAPublicKey_in'],
    ['something else', 'DH PARAMETERS', 'no public key but `DH PARAMETERS`'],
  ])('%s', async (_what, label, says) => {
    expect(await refusal(pem(label, 'AAAA'))).toContain(says);
  });

  test.each<[string, (good: string) => string, string]>([
    ['nothing', () => '', 'there is no key in it'],
    ['blank lines only', () => '\n \n', 'there is no key in it'],
    ['text before', (good) => `my key\n${good}`, 'line 1, before block 1, belongs to no key'],
    ['text between', (good) => `${good}# old\n${good}`, 'before block 2, belongs to no key'],
    ['text behind', (good) => `${good}x`, 'before block 2, belongs to no key'],
    ['a key of ssh', () => 'ssh-ed25519 AAAA me\n', 'line 1, before block 1'],
    ['cut off', (good) => good.slice(0, -30), 'block 1 is cut off'],
    ['begun twice', (good) => `-----BEGIN PUBLIC KEY-----\n${good}`, 'block 1 is not closed before line 2'],
    ['closed as another', (good) => good.replace('END PUBLIC', 'END PRIVATE'), 'block 1 is not closed before line'],
    ['no base64', (good) => good.replace('MF', '*F'), 'block 1 is not base64 throughout'],
    ['empty', () => pem('PUBLIC KEY', ''), 'block 1 cannot be read as a key'],
    ['no DER', () => pem('PUBLIC KEY', 'AAAA'), 'block 1 cannot be read as a key'],
  ])('%s', async (_what, spoil, says) => {
    expect(await refusal(spoil(key('p-256').publicPem))).toContain(says);
  });

  test('more in a block than the key', async () => {
    const der = Buffer.from(base64Of(key('p-256').publicPem), 'base64');
    const longer = Buffer.concat([der, Buffer.from('more')]).toString('base64');
    expect(await refusal(pem('PUBLIC KEY', longer))).toContain('block 1 holds more than a key');
  });
});

describe('the file', () => {
  test('is read', () => {
    expect(loadPublicKeys(key('p-256').publicFile)).toHaveLength(1);
  });

  test.each<[string, (path: string) => void]>([
    ['absent', () => {}],
    ['a pipe that nobody writes to', (path) => execFileSync('mkfifo', [path])],
    ['too large', (path) => writeFileSync(path, Buffer.alloc(64 * 1024 + 1, '\n'))],
  ])('%s', async (what, make) => {
    const path = join(await testFolder('keys'), 'update.pub');
    make(path);
    const { code, message, cause } = await refusalOf(() => loadPublicKeys(path));
    expect(code).toBe('D4002');
    expect(message).toContain(path);
    expect(message).toMatch(/\(check: key\)$/);
    // the pipe is empty, the others cannot be read, and the system or the limit says why
    expect(cause instanceof Error).toBe(!what.startsWith('a pipe'));
  });

  test('a folder', async () => {
    const path = await testFolder('keys');
    chmodSync(path, 0o700);
    expect((await refusalOf(() => loadPublicKeys(path))).message).toMatch(/cannot be read.*\(check: key\)$/);
  });
});
