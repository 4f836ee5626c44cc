/** What the files may hold, and what is said where they do not make an identity. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Authority, createAuthority } from '../../../../src/demo/certificates.ts';
import { FileWatch } from '../../../../src/main/certificates/file-watch.ts';
import { IdentityFault } from '../../../../src/main/certificates/identity-fault.ts';
import { digestOf, type LoadedIdentity, makeIdentity } from '../../../../src/main/certificates/make-identity.ts';
import type { TlsFilePaths } from '../../../../src/shared/contracts/pool-tasks.ts';
import { describe as inWords } from '../../../../src/shared/errors/daemon-error.ts';
import { systemClock } from '../../../../src/shared/platform/clock.ts';
import { readTlsFiles } from '../../../../src/shared/platform/tls-files.ts';
import { temporaryFolder, testFolder } from '../../../support/temp-folder.ts';

const HOUR_MS = 3_600_000;
/** As OpenSSL encrypted keys before PKCS #8. */
const TRADITIONAL = ['ec', '-aes256', '-passout', 'pass:a phrase'];

let authority: Authority;
let subordinate: Authority;
let made: { path: string; remove(): Promise<void> };
let folder: string;
let paths: TlsFilePaths;

beforeAll(async () => {
  authority = await createAuthority('test CA');
  subordinate = await authority.subordinate('test sub CA');
  made = await temporaryFolder('identity-keys');
});
afterAll(() => made.remove());
beforeEach(async () => {
  folder = await testFolder('identity');
  paths = { certFile: join(folder, 'crt'), keyFile: join(folder, 'key'), caFile: join(folder, 'ca') };
  const pair = await authority.issue({ name: 'daemon', uris: ['spiffe://x/daemon'] });
  put({ ...pair, ca: authority.cert });
});

function put({ cert, key, ca }: { cert?: string; key?: string; ca?: string }): void {
  if (cert !== undefined) writeFileSync(paths.certFile, cert);
  if (key !== undefined) writeFileSync(paths.keyFile, key);
  if (ca !== undefined) writeFileSync(paths.caFile, ca);
}

async function make(keepKey = true, nowMs = Date.now()): Promise<LoadedIdentity> {
  return makeIdentity(await new FileWatch(systemClock).read(paths), paths, { nowMs, keepKey });
}

async function fault(nowMs = Date.now()): Promise<IdentityFault> {
  const error = await make(true, nowMs).catch((failure: unknown) => failure);
  if (!(error instanceof IdentityFault)) throw new Error('it was taken', { cause: error });
  expect(error).toMatchObject({ code: 'D2001', retryable: true });
  return error;
}

/** Whether a server that knows the test CA takes the identity, in TLS 1.3, and which key it had. */
async function shownTo({ identity }: LoadedIdentity): Promise<string> {
  const pair = await authority.issue({ name: 'manager', hosts: ['127.0.0.1'] });
  const asking = { requestCert: true, rejectUnauthorized: true, ca: authority.cert };
  const server = createServer({ ...pair, ...asking }, (socket) => {
    socket.on('error', () => {}).end(`${socket.getProtocol()} ${socket.getPeerCertificate().subject.CN}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, secureContext: identity.context });
    socket.on('error', reject).once('data', (said: Buffer) => resolve(said.toString()));
  });
}

describe('an identity is made of', () => {
  test.each(['EC', 'RSA', 'Ed25519'] as const)('a certificate and a key of %s', async (keys) => {
    put(await authority.issue({ name: 'daemon', keys }));
    expect(await shownTo(await make())).toBe('TLSv1.3 daemon');
  });

  test('a certificate with its chain', async () => {
    const { cert, key } = await subordinate.issue({ name: 'daemon' });
    put({ cert: `${cert}${subordinate.cert}${authority.cert}`, key });
    const loaded = await make();
    expect(await shownTo(loaded)).toBe('TLSv1.3 daemon');
    expect(loaded.certificates.map(({ role, subject }) => `${role} ${subject}`)).toEqual([
      'own CN=daemon',
      'chain CN=test sub CA',
      'chain CN=test CA',
      'CA CN=test CA',
    ]);
  });

  test('a certificate of another CA than the one in ca_file: the Manager may be of another', async () => {
    put({ ca: (await createAuthority('another CA')).cert });
    expect((await make()).identity.certificate.issuer).toBe('CN=test CA');
  });

  test.each([
    ['PKCS #8', ['pkcs8', '-topk8', '-v2', 'aes256', '-passout', 'pass:a phrase'], 'a phrase\n'],
    ['the traditional form', TRADITIONAL, 'a phrase'],
  ])('a key that is encrypted in %s, and its passphrase', async (_, command, text) => {
    const plain = join(made.path, 'plain');
    writeFileSync(plain, readFileSync(paths.keyFile));
    execFileSync('openssl', [...command, '-in', plain, '-out', paths.keyFile], { stdio: 'ignore' });
    paths.keyPassphraseFile = join(folder, 'phrase');
    writeFileSync(paths.keyPassphraseFile, text);
    const loaded = await make();
    expect(await shownTo(loaded)).toBe('TLSv1.3 daemon');
    expect(loaded.identity.pem.passphrase).toBe('a phrase');

    writeFileSync(paths.keyPassphraseFile, 'another phrase');
    const wrong = await fault();
    expect(wrong.message).toBe(
      `manager.tls.key_passphrase_file: ${paths.keyPassphraseFile} does not open the key in ${paths.keyFile} (check: passphrase); put the right one there, or another key`,
    );
    expect(inWords(wrong)).not.toContain('another phrase');
    writeFileSync(paths.keyPassphraseFile, '');
    expect((await fault()).reason).toBe('keyPassphraseFile passphrase');

    delete paths.keyPassphraseFile;
    expect((await fault()).message).toBe(
      `manager.tls.key_file: ${paths.keyFile} is encrypted and there is no passphrase for it (check: passphrase); name the file that has it in manager.tls.key_passphrase_file`,
    );
  });

  test('a key that needs no passphrase, though there is one', async () => {
    paths.keyPassphraseFile = join(folder, 'phrase');
    writeFileSync(paths.keyPassphraseFile, 'a phrase');
    expect(await shownTo(await make())).toBe('TLSv1.3 daemon');
  });

  test('a key as openssl ecparam writes it, with its parameters before it', async () => {
    execFileSync('openssl', ['ecparam', '-genkey', '-name', 'prime256v1', '-out', paths.keyFile], { stdio: 'ignore' });
    expect(readFileSync(paths.keyFile, 'utf8')).toContain('EC PARAMETERS');
    expect((await fault()).reason).toBe('keyFile key match'); // it was read
  });

  test('files with text around the blocks', async () => {
    const { cert, key } = await authority.issue({ name: 'daemon' });
    put({ cert: `Certificate:\r\n  Data\r\n${cert.replaceAll('\n', '\r\n')}`, key: `text\n${key}` });
    expect(await shownTo(await make())).toBe('TLSv1.3 daemon');
  });

  test('its facts', async () => {
    const { identity, serial } = await make();
    expect(identity.certificate).toMatchObject({ subject: 'CN=daemon', names: ['daemon', 'spiffe://x/daemon'] });
    expect(serial).toMatch(/^[0-9A-F]{32}$/);
  });
});

describe('the digest', () => {
  test('changes with any byte of any file', async () => {
    const whole = await readTlsFiles(paths);
    const bytes = { ...whole, passphrase: 'p' };
    const digests = new Set([
      digestOf(bytes),
      digestOf({ ...bytes, cert: Buffer.concat([whole.cert, Buffer.from('\n')]) }),
      digestOf({ ...bytes, ca: Buffer.alloc(0) }),
      digestOf({ ...bytes, key: Buffer.from('k') }),
      digestOf({ ...bytes, passphrase: 'q' }),
      digestOf({ ...bytes, cert: whole.ca, ca: whole.cert }),
      // a byte that has moved to the next file
      digestOf({ ...bytes, cert: Buffer.from('ab'), ca: Buffer.from('c') }),
      digestOf({ ...bytes, cert: Buffer.from('a'), ca: Buffer.from('bc') }),
    ]);
    expect(digests.size).toBe(8);
    expect((await make()).identity.digest).toBe(digestOf(whole));
  });
});

describe("the key's bytes", () => {
  test('stay for a server', async () => {
    expect((await make(true)).identity.pem.key.toString()).toContain('PRIVATE KEY');
  });

  test('go where nothing is served, and the identity serves still', async () => {
    const loaded = await make(false);
    expect(loaded.identity.pem).toMatchObject({ passphrase: '', key: Buffer.alloc(loaded.identity.pem.key.length) });
    expect(await shownTo(loaded)).toBe('TLSv1.3 daemon');
  });

  test('go where it fails', async () => {
    const contents = await readTlsFiles(paths);
    contents.cert.fill(0);
    expect(() => makeIdentity(contents, paths, { nowMs: Date.now(), keepKey: true })).toThrow(IdentityFault);
    expect(contents.key.every((byte) => byte === 0)).toBe(true);
  });
});

describe('it is said what is wrong, where, and what to do:', () => {
  test.each([
    ['certFile', 'manager.tls.cert_file'],
    ['caFile', 'manager.tls.ca_file'],
    ['keyFile', 'manager.tls.key_file'],
  ] as const)('%s cannot be read', async (name, key) => {
    rmSync(paths[name]);
    const error = await fault();
    expect(error.message).toBe(
      `${key}: ${paths[name]} cannot be read (check: file); put it there, readable by the daemon's user`,
    );
    expect(inWords(error)).toContain('ENOENT');
    expect(error.reason).toBe(`${name} file`);
  });

  test.each([
    ['cert', 'certFile', 'certificate'],
    ['ca', 'caFile', 'CA certificate'],
  ] as const)('no certificate in %s', async (file, name, check) => {
    for (const text of ['', 'DER \x01\x02', (await authority.issue({ name: 'x' })).key]) {
      put({ [file]: text });
      const { message } = await fault();
      expect(message).toContain(
        `${paths[name]} has no certificate in PEM (check: ${check}); give a PEM file with the `,
      );
    }
  });

  test.each(['cert', 'ca'] as const)('a damaged one in %s', async (file) => {
    const good = file === 'cert' ? readFileSync(paths.certFile, 'utf8') : authority.cert;
    for (const bad of [good.slice(0, -60), good.replace(/\n.{9}/, '\n=========')]) {
      put({ [file]: `${good}${bad}` });
      expect((await fault()).message).toContain('has a damaged PEM: certificate 2 cannot be read');
    }
    put({ [file]: `${good.slice(0, -60)}${good}` });
    expect((await fault()).message).toContain('certificate 1 cannot be read');
  });

  test.each(['', 'no key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'])(
    'no key: %j',
    async (key) => {
      put({ key });
      expect((await fault()).message).toBe(
        `manager.tls.key_file: ${paths.keyFile} has no private key in PEM (check: key); give a PEM file with the private key (-----BEGIN PRIVATE KEY-----)`,
      );
    },
  );

  test.each(['EC', 'RSA'] as const)('the key of another certificate, %s', async (keys) => {
    put({ key: (await authority.issue({ name: 'daemon', keys })).key });
    expect((await fault()).message).toBe(
      `manager.tls.key_file: ${paths.keyFile} is not the key of the certificate in ${paths.certFile} (check: key match); give manager.tls.cert_file and manager.tls.key_file of one pair`,
    );
  });

  test('the order of the certificates', async () => {
    const { cert, key } = await subordinate.issue({ name: 'daemon' });
    put({ cert: `${subordinate.cert}${cert}`, key });
    expect((await fault()).message).toContain(
      'has the certificate of the key at place 2 (check: key match); put it first',
    );
  });

  test.each<[string, () => string]>([
    ['a gap', () => authority.cert],
    ['two turned round', () => `${authority.cert}${subordinate.cert}`],
  ])('a chain with %s', async (_, rest) => {
    const { cert, key } = await subordinate.issue({ name: 'daemon' });
    put({ cert: `${cert}${rest()}`, key });
    expect((await fault()).message).toContain(
      'has a broken chain: certificate 2 (CN=test CA) did not sign certificate 1 (CN=daemon) (check: chain); put behind each',
    );
  });

  test('a chain of the right names and the wrong keys', async () => {
    const namesake = await authority.subordinate('test sub CA');
    const { cert, key } = await subordinate.issue({ name: 'daemon' });
    put({ cert: `${cert}${namesake.cert}`, key });
    expect((await fault()).reason).toBe('certFile chain');
  });

  test('expired', async () => {
    const [notBefore, notAfter] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-02-01T00:00:00Z')];
    put(await authority.issue({ name: 'daemon', notBefore, notAfter }));
    const nowMs = notAfter.getTime() + 3 * HOUR_MS;
    expect((await fault(nowMs)).message).toBe(
      `manager.tls.cert_file: ${paths.certFile} has a certificate that expired at 2026-02-01T00:00:00Z, 3 h ago by this host's clock (2026-02-01T03:00:00Z) (check: expired); renew it, or set this host's clock right`,
    );
  });

  test('not yet valid', async () => {
    const notBefore = new Date('2026-01-01T00:00:00Z');
    put(await authority.issue({ name: 'daemon', notBefore, notAfter: new Date('2027-01-01T00:00:00Z') }));
    const nowMs = notBefore.getTime() - 3 * HOUR_MS;
    expect((await fault(nowMs)).message).toBe(
      `manager.tls.cert_file: ${paths.certFile} has a certificate that is valid from 2026-01-01T00:00:00Z on: this host's clock (2025-12-31T21:00:00Z) is 3 h behind its start (check: not yet valid); set this host's clock right, or wait`,
    );
  });

  test('what only OpenSSL refuses', async () => {
    const weak = [
      '-newkey',
      'rsa:512',
      '-nodes',
      '-subj',
      '/CN=weak',
      '-keyout',
      paths.keyFile,
      '-out',
      paths.certFile,
    ];
    execFileSync('openssl', ['req', '-x509', ...weak], { stdio: 'ignore' });
    const error = await fault();
    expect(error.message).toContain('does not make a TLS identity with its key (check: identity)');
    expect(inWords(error)).toMatch(/too small/);
  });
});
