import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type ManifestFacts, sign } from '../../../src/ctl/sign.ts';
import { type VerifyOptions, verify } from '../../../src/ctl/verify.ts';
import { testFolder } from '../../support/temp-folder.ts';
import { type KeyFiles, makeKey, refusalOf, signFile, signRaw } from '../shared/packages/openssl-peer.ts';

const NOW_MS = Date.UTC(2026, 0, 31, 12);
const DAY_MS = 24 * 3_600_000;
const FACTS: ManifestFacts = {
  component: 'daemon',
  agent: '',
  version: '1.2.3',
  platform: 'linux',
  arch: 'x64',
  expiresMs: NOW_MS + DAY_MS,
  allowDowngrade: false,
};

let folder: string;
let file: string;
let key: KeyFiles;
let options: VerifyOptions;

beforeEach(async () => {
  folder = await testFolder('ctl-verify');
  file = join(folder, 'package');
  writeFileSync(file, 'bytes of a package');
  key = makeKey(folder, 'p-256');
  options = { file, publicKeyFile: key.publicFile, signatureFile: '', manifestFile: '', nowMs: NOW_MS };
});

function signIt(manifest: ManifestFacts | null, keyFile = key.privateFile): void {
  sign({ file, keyFile, passphraseFile: '', pss: false, manifest, nowMs: NOW_MS });
}

describe('valid', () => {
  test('signature and manifest beside the package', () => {
    signIt(FACTS);
    const { sha256, bytes, keyId, manifest } = verify(options);
    expect(bytes).toBe(18);
    expect(manifest).toMatchObject({ keyId, says: { version: '1.2.3', sha256, size: 18 } });
    expect(keyId).toMatch(/^[0-9a-f]{64}$/);
  });

  test('the signature alone; the manifest alone; each by its name', () => {
    signIt(FACTS);
    const signatureFile = join(folder, 'moved.sig');
    writeFileSync(signatureFile, readFileSync(`${file}.sig`));
    expect(verify({ ...options, signatureFile }).manifest).toBeNull();
    rmSync(`${file}.sig`);
    expect(verify(options)).toMatchObject({ keyId: null, manifest: { says: { version: '1.2.3' } } });
    expect(verify({ ...options, manifestFile: `${file}.manifest.json` }).keyId).toBeNull();
    rmSync(`${file}.manifest.json`);
    expect(verify({ ...options, signatureFile }).manifest).toBeNull();
  });

  test('signed by openssl', () => {
    writeFileSync(`${file}.sig`, signFile(key, file));
    expect(verify(options).manifest).toBeNull();
  });

  test('a manifest of an agent, signed with Ed25519', () => {
    const ed25519 = makeKey(folder, 'ed25519');
    signIt({ ...FACTS, component: 'agent', agent: 'filebeat' }, ed25519.privateFile);
    expect(verify({ ...options, publicKeyFile: ed25519.publicFile }).manifest?.says.agent).toBe('filebeat');
  });
});

describe('not valid', () => {
  const rewriteManifest = (text: string | Buffer): void => {
    writeFileSync(`${file}.manifest.json`, text);
    writeFileSync(`${file}.manifest.json.sig`, signFile(key, `${file}.manifest.json`));
  };

  test.each<[string, () => void, string, string]>([
    ['nothing beside the package', () => ['', '.manifest.json'].forEach(remove), 'signature', 'neither'],
    ['another package', () => writeFileSync(file, 'bytes of A package'), 'signature', 'does not fit'],
    ['cut off', () => truncateSync(file, 5), 'size', '18 are announced'],
    ['no manifest, another package', () => only(() => writeFileSync(file, 'x')), 'signature', 'does not fit'],
    ['by the manifest alone, another package', () => unsigned(), 'hash', 'has the SHA-256'],
    ['manifest changed', () => bend(`${file}.manifest.json`), 'signature', 'the manifest is by none of the keys'],
    ['no signature of the manifest', () => rmSync(`${file}.manifest.json.sig`), 'signature', 'cannot be read'],
    ['signature cut off', () => truncateSync(`${file}.sig`, 40), 'signature', 'does not fit'],
    ['signature empty', () => truncateSync(`${file}.sig`, 0), 'signature', 'none of the keys'],
    ['signature too large', () => writeFileSync(`${file}.sig`, Buffer.alloc(16_385)), 'signature', 'cannot be read'],
    ['expired', () => change({ nowMs: NOW_MS + DAY_MS }), 'expiry', 'has expired'],
    ['from the future', () => change({ nowMs: NOW_MS - DAY_MS }), 'expiry', 'in the future'],
    [
      'another key',
      () => change({ publicKeyFile: makeKey(folder, 'p-384').publicFile }),
      'signature',
      'none of the keys',
    ],
    ['a private key', () => change({ publicKeyFile: key.privateFile }), 'key', 'is a private key'],
    ['no such manifest', () => change({ manifestFile: join(folder, 'none') }), 'manifest', 'cannot be read'],
    ['no such signature', () => change({ signatureFile: join(folder, 'none') }), 'signature', 'cannot be read'],
    ['a folder as signature', () => change({ signatureFile: folder }), 'signature', 'cannot be read'],
    ['manifest not UTF-8', () => rewriteManifest(Buffer.from([0x7b, 0xff, 0x7d])), 'manifest', 'is not UTF-8'],
    ['manifest malformed', () => rewriteManifest('{}'), 'manifest', 'is missing'],
  ])('%s', async (_what, spoil, check, says) => {
    signIt(FACTS);
    spoil();
    const { code, message } = await refusalOf(() => verify(options));
    expect(code).toBe('D4002');
    expect(message).toContain(says);
    expect(message).toMatch(new RegExp(`\\(check: ${check}\\)$`));
  });

  function remove(suffix: string): void {
    rmSync(`${file}${suffix || '.sig'}`);
  }

  function only(then: () => void): void {
    rmSync(`${file}.manifest.json`);
    then();
  }

  function unsigned(): void {
    rmSync(`${file}.sig`);
    writeFileSync(file, 'bytes of A package');
  }

  function change(over: Partial<VerifyOptions>): void {
    Object.assign(options, over);
  }

  function bend(path: string): void {
    writeFileSync(path, readFileSync(path, 'utf8').replace('x64', 'x65'));
  }

  test('the manifest of another package, with its own signature', async () => {
    const other = join(folder, 'other');
    writeFileSync(other, 'some other bytes..');
    sign({ file: other, keyFile: key.privateFile, passphraseFile: '', pss: false, manifest: FACTS, nowMs: NOW_MS });
    const { message } = await refusalOf(() => verify({ ...options, manifestFile: `${other}.manifest.json` }));
    expect(message).toMatch(/\(check: hash\)$/);
  });

  test('Ed25519 over the whole package', async () => {
    const ed25519 = makeKey(folder, 'ed25519');
    writeFileSync(`${file}.sig`, signRaw(ed25519, file));
    const { message } = await refusalOf(() => verify({ ...options, publicKeyFile: ed25519.publicFile }));
    expect(message).toMatch(/sign a manifest of it.*\(check: signature\)$/);
  });

  test('a folder in place of the package', async () => {
    signIt(null);
    rmSync(file);
    mkdirSync(file);
    expect((await refusalOf(() => verify(options))).message).toMatch(/no regular file \(check: source\)$/);
  });
});
