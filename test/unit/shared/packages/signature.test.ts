import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PublicKey, parsePublicKeys } from '../../../../src/shared/packages/public-keys.ts';
import { candidates, checkPackage, decodeSignature, verifySmall } from '../../../../src/shared/packages/signature.ts';
import { temporaryFolder, testFolder } from '../../../support/temp-folder.ts';
import { type KeyFiles, makeKey, openssl, type Padding, refusalOf, signFile, signRaw } from './openssl-peer.ts';

const NAMES = ['rsa-2048', 'rsa-3072', 'rsa-pss', 'p-256', 'p-384', 'ed25519'] as const;
type Name = (typeof NAMES)[number] | 'rsa-2048-b' | 'p-256-b';
/** Longer than the buffer, and not a multiple of it. */
const CONTENT = Buffer.alloc(2_500_001, 'bytes of a package; ');
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let path: string;
const files = new Map<Name, KeyFiles>();

beforeAll(async () => {
  folder = await temporaryFolder('signature');
  path = join(folder.path, 'package');
  writeFileSync(path, CONTENT);
  for (const name of NAMES) files.set(name, makeKey(folder.path, name));
  files.set('rsa-2048-b', makeKey(folder.path, 'rsa-2048', 'rsa-2048-b'));
  files.set('p-256-b', makeKey(folder.path, 'p-256', 'p-256-b'));
});
afterAll(() => folder.remove());

function filesOf(name: Name): KeyFiles {
  const found = files.get(name);
  if (!found) throw new Error(`no key ${name}`);
  return found;
}

function keysOf(...names: Name[]): PublicKey[] {
  return parsePublicKeys(names.map((name) => filesOf(name).publicPem).join(''), 'keys');
}

/** As the fields of a signature in a package's checks. */
function signedBy(signature: Buffer, ...names: Name[]): { signature: Buffer; keys: PublicKey[] } {
  return { signature, keys: keysOf(...names) };
}

const STREAMING: [Name, Padding][] = [
  ['rsa-2048', 'plain'],
  ['rsa-3072', 'plain'],
  ['rsa-2048', 'pss'],
  ['rsa-3072', 'pss-32'],
  ['rsa-pss', 'pss'],
  ['rsa-pss', 'pss-32'],
  ['p-256', 'plain'],
  ['p-384', 'plain'],
];

describe('what openssl signs is taken', () => {
  test.each(STREAMING)('a package: %s, %s', (name, padding) => {
    const signature = signFile(filesOf(name), path, padding);
    const checked = checkPackage({ path, sha256: SHA256, bytes: CONTENT.length, signed: signedBy(signature, name) });
    expect(checked).toMatchObject({ sha256: SHA256, bytes: CONTENT.length, key: { keyId: keysOf(name)[0]?.keyId } });
  });

  test.each([...STREAMING, ['ed25519', 'plain'] as const])('a small text: %s, %s', (name, padding) => {
    const signature = name === 'ed25519' ? signRaw(filesOf(name), path) : signFile(filesOf(name), path, padding);
    expect(verifySmall(keysOf(name), CONTENT, signature, 'it').keyId).toBe(keysOf(name)[0]?.keyId);
  });

  test.each<[Name, Padding, Name[]]>([
    ['rsa-2048', 'plain', ['rsa-2048-b', 'rsa-2048']],
    ['rsa-2048', 'pss', ['rsa-2048-b', 'rsa-2048']],
    ['rsa-2048', 'pss', ['rsa-pss', 'rsa-2048']],
    ['p-256', 'plain', ['p-256-b', 'p-256']],
    ['p-256', 'plain', ['p-384', 'p-256']],
    ['p-256', 'plain', ['rsa-2048', 'ed25519', 'p-256']],
    ['rsa-3072', 'plain', ['p-256', 'rsa-2048', 'rsa-3072']],
  ])('by the last of several keys: %s, %s among %j', (name, padding, names) => {
    const signature = signFile(filesOf(name), path, padding);
    const keyId = keysOf(name)[0]?.keyId;
    expect(checkPackage({ path, sha256: null, bytes: null, signed: signedBy(signature, ...names) }).key?.keyId).toBe(
      keyId,
    );
    expect(verifySmall(keysOf(...names), CONTENT, signature, 'it').keyId).toBe(keyId);
  });
});

describe('who can have made a signature', () => {
  const schemes = (signature: Buffer, ...names: Name[]): string[] =>
    candidates(keysOf(...names), signature).map(({ key, scheme }) => `${key.kind} ${scheme}`);

  test('one scheme a signature is tried, so that hashing is not repeated', () => {
    const rsa: Name[] = ['rsa-3072', 'rsa-2048', 'p-256', 'ed25519'];
    expect(schemes(signFile(filesOf('rsa-2048'), path), ...rsa)).toContain('rsa pkcs1');
    expect(schemes(signFile(filesOf('rsa-2048'), path, 'pss'), ...rsa)).toEqual(['rsa pss']);
    expect(schemes(signFile(filesOf('p-256'), path), ...rsa)).toEqual(['ec ecdsa']);
    expect(schemes(signRaw(filesOf('ed25519'), path), ...rsa)).toEqual(['ed25519 ed25519']);
  });

  test('a PKCS#1 signature whose hash happens to end as PSS does is found in both, and verified', () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const keys = parsePublicKeys(publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'keys');
    const texts = Array.from({ length: 10_000 }, (_, i) => Buffer.from(`text ${i}`));
    const text = texts.find((each) => createHash('sha256').update(each).digest().at(-1) === 0xbc) ?? Buffer.alloc(0);
    const signature = sign('sha256', text, privateKey);
    expect(candidates(keys, signature).map(({ scheme }) => scheme)).toEqual(['pkcs1', 'pss']);
    expect(verifySmall(keys, text, signature, 'it')).toBe(keys[0]);
  });

  test.each([
    ['above the modulus', Buffer.alloc(256, 0xff), 'rsa-2048'],
    ['zero', Buffer.alloc(256), 'rsa-2048'],
    ['too short for the key', Buffer.alloc(255, 1), 'rsa-2048'],
    ['longer than DER of the curve', Buffer.alloc(73, 0x30), 'p-256'],
    ['not DER', Buffer.alloc(70, 0x31), 'p-256'],
    ['empty', Buffer.alloc(0), 'p-256'],
    ['of another length', Buffer.alloc(65, 0x31), 'ed25519'],
  ] as const)('nobody: %s', (_what, signature, name) => {
    expect(candidates(keysOf(name), signature)).toEqual([]);
  });
});

describe('what is refused', () => {
  const refusal = async (work: () => unknown, check: string): Promise<string> => {
    const { code, message } = await refusalOf(work);
    expect(code).toBe('D4002');
    expect(message).toMatch(new RegExp(`\\(check: ${check}\\)$`));
    return message;
  };

  test.each<[Name, Padding]>([
    ['rsa-2048', 'plain'],
    ['rsa-2048', 'pss'],
    ['p-256', 'plain'],
    ['p-384', 'plain'],
  ])('anything changed, wrong, cut or of another: %s, %s', async (name, padding) => {
    const signature = signFile(filesOf(name), path, padding);
    const other = join(await testFolder('signature'), 'other');
    const flipped = Buffer.from(CONTENT);
    flipped[1_234_567] = (flipped[1_234_567] ?? 0) ^ 1;
    writeFileSync(other, flipped);
    const check = (file: string, signed: { signature: Buffer; keys: PublicKey[] }) => () =>
      checkPackage({ path: file, sha256: null, bytes: null, signed });

    expect(await refusal(check(other, signedBy(signature, name)), 'signature')).toContain('does not fit the package');
    await refusal(check(path, signedBy(signFile(filesOf(name), other, padding), name)), 'signature');
    const stranger = name === 'rsa-2048' ? 'rsa-2048-b' : 'p-256-b';
    await refusal(check(path, signedBy(signature, stranger)), 'signature');
    await refusal(check(path, signedBy(signature.subarray(0, -1), name)), 'signature');
    await refusal(check(path, signedBy(Buffer.alloc(0), name)), 'signature');
    const bent = Buffer.from(signature);
    bent[20] = (bent[20] ?? 0) ^ 1;
    await refusal(check(path, signedBy(bent, name)), 'signature');
    writeFileSync(other, CONTENT.subarray(0, -1));
    await refusal(check(other, signedBy(signature, name)), 'signature');
    await refusal(() => verifySmall(keysOf(name), flipped, signature, 'it'), 'signature');
    await refusal(() => verifySmall(keysOf(stranger), CONTENT, signature, 'it'), 'signature');
  });

  test('a hash other than SHA-256', async () => {
    const signature = openssl('dgst', '-sha384', '-sign', filesOf('p-384').privateFile, path);
    const signed = signedBy(signature, 'p-384');
    await refusal(() => checkPackage({ path, sha256: null, bytes: null, signed }), 'signature');
  });

  test.each<[string, Name[]]>([
    ['among other keys', ['p-256', 'ed25519']],
    ['as the only key', ['ed25519']],
  ])('Ed25519 over a whole package, %s', async (_what, names) => {
    const signed = signedBy(signRaw(filesOf('ed25519'), path), ...names);
    const message = await refusal(() => checkPackage({ path, sha256: null, bytes: null, signed }), 'signature');
    expect(message).toContain('sign a manifest');
  });

  test('a signature by no key at all, before the package is read', async () => {
    const signed = signedBy(signFile(filesOf('rsa-2048'), path), 'rsa-3072', 'ed25519');
    let progress = 0;
    const work = (): unknown => checkPackage({ path, sha256: null, bytes: null, signed }, () => progress++);
    expect(await refusal(work, 'signature')).toContain('by none of the keys');
    expect(progress).toBe(0);
  });

  test('of signature and hash the signature is named', async () => {
    const signed = signedBy(signFile(filesOf('p-256'), path), 'p-256-b');
    await refusal(() => checkPackage({ path, sha256: '0'.repeat(64), bytes: null, signed }), 'signature');
  });

  test.each([
    ['empty', '', 'is empty'],
    ['too long', 'A'.repeat(8196), 'has 8196 characters'],
    ['with a newline', 'AAAA\n', 'is not base64 throughout'],
    ['with a blank', 'AA AA', 'is not base64 throughout'],
    ['without its padding', 'AAA', 'is not base64 throughout'],
    ['for URLs', '_-8=', 'is not base64 throughout'],
    ['with bits that mean nothing', 'AB==', 'is not base64 throughout'],
  ])('base64 that is %s', async (_what, text, says) => {
    const message = await refusal(() => decodeSignature(text, 'the manifest'), 'signature');
    expect(message).toContain(`the signature of the manifest ${says}`);
    if (text !== '') expect(message).not.toContain(text);
  });

  test('base64 as openssl makes it is taken', () => {
    const signature = signFile(filesOf('rsa-2048'), path);
    expect(decodeSignature(signature.toString('base64'), 'it').equals(signature)).toBe(true);
  });
});

test.each<[Name, Padding]>([
  ['p-256', 'plain'],
  ['p-384', 'plain'],
  ['rsa-2048', 'plain'],
  ['rsa-2048', 'pss'],
  ['ed25519', 'plain'],
])('a signature with any one bit turned is refused, and never a fault of ours: %s, %s', (name, padding) => {
  const keys = keysOf(name);
  const small = join(folder.path, 'small');
  const text = Buffer.from('a manifest');
  writeFileSync(small, text);
  const good = name === 'ed25519' ? signRaw(filesOf(name), small) : signFile(filesOf(name), small, padding);
  expect(verifySmall(keys, text, good, 'it')).toBe(keys[0]);
  for (let bit = 0; bit < good.length * 8; bit++) {
    const bent = Buffer.from(good);
    bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(() => verifySmall(keys, text, bent, 'it')).toThrow('(check: signature)');
  }
});
