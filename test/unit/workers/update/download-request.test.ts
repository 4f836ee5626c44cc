import { type ChildProcess, spawn } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { ServerOptions } from 'node:https';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Authority, createAuthority, createCertificates } from '../../../../src/demo/certificates.ts';
import type { DownloadInput, TlsFilePaths } from '../../../../src/shared/contracts/pool-tasks.ts';
import { describe as inWords } from '../../../../src/shared/errors/daemon-error.ts';
import { type DownloadDeps, downloadPackage } from '../../../../src/workers/update/download.ts';
import { loadIdentity } from '../../../../src/workers/update/download-request.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';
import {
  failureOf,
  type Handler,
  inputFor,
  NO_CONTEXT,
  plainHost,
  secureHost,
  type TestHost,
} from './download-host.ts';

const CONTENT = Buffer.from('a package');
const FEW = { max: 1, baseMs: 1, maxMs: 2 };

let folder: string;
let tlsFolder: string;
let to: string;
let authority: Authority;
let tls: TlsFilePaths;
/** The server's own, of our CA. */
let server: { key: Buffer; cert: Buffer };

beforeEach(async () => {
  folder = await testFolder('download');
  tlsFolder = await testFolder('download-tls');
  to = join(folder, 'package');
  authority = await createCertificates(tlsFolder);
  tls = {
    certFile: join(tlsFolder, 'client.crt'),
    keyFile: join(tlsFolder, 'client.key'),
    caFile: join(tlsFolder, 'ca.crt'),
  };
  server = { key: readFileSync(join(tlsFolder, 'server.key')), cert: readFileSync(join(tlsFolder, 'server.crt')) };
});

const whole: Handler = (_, response) => response.end(CONTENT);
/** Asks for a client certificate, and goes without. */
const asking = (): ServerOptions => ({ ...server, requestCert: true, rejectUnauthorized: false, ca: authority.cert });

function inputTo(host: TestHost, over: Partial<DownloadInput> = {}): DownloadInput {
  const hosts = { trustedHosts: ['127.0.0.1', 'localhost'], identityHosts: ['127.0.0.1'] };
  return inputFor(host, to, { ...hosts, tls, retries: FEW, ...over });
}

async function failed(input: DownloadInput, deps: DownloadDeps = {}) {
  const error = await failureOf(input, deps);
  expect(readdirSync(folder)).toEqual([]);
  const { code, message } = error;
  return { code, message, words: inWords(error) };
}

describe('the host that knows us', () => {
  test('is shown the client certificate, and is of our CA', async () => {
    const host = await secureHost({ ...asking(), rejectUnauthorized: true }, whole);
    expect(await downloadPackage(inputTo(host), NO_CONTEXT)).toEqual({ bytes: CONTENT.length, retries: 0 });
    expect(host.asked.map(({ client }) => client)).toEqual(['daemon']);
    await host.expectNoConnection();
  });

  test('is known by its name too, in any spelling', async () => {
    const host = await secureHost(asking(), whole);
    const input = inputTo(host, { url: host.url('/a', 'LOCALHOST.'), identityHosts: ['localhost'] });
    await downloadPackage(input, NO_CONTEXT);
    expect(host.asked.map(({ client }) => client)).toEqual(['daemon']);
  });

  test('is refused where its certificate is of another CA, though the system trusts that', async () => {
    const other = await createAuthority('other CA');
    const host = await secureHost(await other.issue({ name: 'manager', hosts: ['127.0.0.1'] }), whole);
    const { code, message, words } = await failed(inputTo(host), { ca: other.cert });
    expect(code).toBe('D4001');
    expect(message).toMatch(/: its certificate is not of a CA that is trusted for it$/);
    expect(words).toMatch(/unable to verify/);
    expect(host.asked).toEqual([]);
    await host.expectNoConnection();
  });

  test.each([
    ['has expired', { notAfter: new Date(Date.now() - 1000) }, 'its certificate has expired'],
    ['is of tomorrow', { notBefore: new Date(Date.now() + 80_000_000) }, 'its certificate is not valid yet'],
    ['is for another name', { hosts: ['manager.example'] }, 'its certificate is for another name'],
    ['is for clients', { usages: ['client'] as const }, 'its certificate is not of a CA that is trusted for it'],
  ])('is refused where its certificate %s', async (_, over, reason) => {
    const pair = await authority.issue({ name: 'manager', hosts: ['127.0.0.1'], ...over });
    const host = await secureHost(pair, whole);
    const { code, message } = await failed(inputTo(host));
    expect(code).toBe('D4001');
    expect(message).toContain(reason);
    expect(host.asked).toEqual([]);
  });

  test('is refused where it speaks no TLS 1.3', async () => {
    const host = await secureHost({ ...asking(), maxVersion: 'TLSv1.2' }, whole);
    const { code, message, words } = await failed(inputTo(host));
    expect(code).toBe('D4001');
    expect(message).toMatch(/: no TLS 1.3 with it$/);
    expect(words).not.toBe(message);
    expect(host.asked).toEqual([]);
  });

  test('does not speak TLS at all', async () => {
    const host = await plainHost(whole);
    const { code, message } = await failed(inputTo(host, { url: host.url().replace('http:', 'https:') }));
    expect(code).toBe('D4001');
    expect(message).toMatch(/: no TLS 1.3 with it$/);
  });

  test('does not take our certificate, and just ends the connection', async () => {
    const other = await createAuthority('other CA');
    const host = await secureHost({ ...asking(), rejectUnauthorized: true, ca: other.cert }, whole);
    const { code, message } = await failed(inputTo(host));
    expect(code).toBe('D4001');
    expect(message).toMatch(/perhaps it does not take this host's client certificate$/);
    expect(host.asked).toEqual([]);
  });

  test('does not take our certificate, and says so: openssl', async () => {
    const other = await createAuthority('other CA');
    writeFileSync(join(tlsFolder, 'other.crt'), other.cert);
    const verify = ['-Verify', '1', '-verify_return_error', '-CAfile', 'other.crt'];
    const files = ['-cert', 'server.crt', '-key', 'server.key'];
    const args = ['s_server', '-accept', '127.0.0.1:0', '-www', ...files, ...verify];
    const openssl: ChildProcess = spawn('openssl', args, { cwd: tlsFolder, stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(() => void openssl.kill('SIGKILL'));
    let told = '';
    openssl.stdout?.on('data', (chunk: Buffer) => {
      told += chunk.toString();
    });
    const port = await waitFor(() => /^ACCEPT 127\.0\.0\.1:(\d+)$/m.exec(told)?.[1], { what: 'openssl to listen' });
    const host = await secureHost(server, whole); // for the rest of the input
    const { code, message, words } = await failed(inputTo(host, { url: `https://127.0.0.1:${port}/` }));
    expect(code).toBe('D4001');
    expect(message).toMatch(/: it does not take this host's client certificate$/);
    expect(words).toMatch(/alert/);
  });
});

describe('any other host', () => {
  test('is shown no certificate, and may speak TLS 1.2', async () => {
    const host = await secureHost({ ...asking(), maxVersion: 'TLSv1.2' }, whole);
    const input = inputTo(host, { url: host.url('/a', 'localhost') });
    await downloadPackage(input, NO_CONTEXT, { ca: authority.cert });
    expect(host.asked.map(({ client }) => client)).toEqual(['']);
    await host.expectNoConnection();
  });

  test('is refused where only our CA knows it, whatever the environment says', async () => {
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    onTestFinished(() => {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    });
    const host = await secureHost(asking(), whole);
    const { code, message } = await failed(inputTo(host, { url: host.url('/a', 'localhost') }));
    expect(code).toBe('D4001');
    expect(message).toMatch(/: its certificate is not of a CA that is trusted for it$/);
    expect(host.asked).toEqual([]);
  });

  test.each([
    ['away from', 'localhost', ['', 'daemon']],
    ['to', '127.0.0.1', ['daemon', '']],
  ])('the certificate is for one of two hosts: redirected %s it', async (_, identityHost, clients) => {
    const host = await secureHost(asking(), (request, response, nth) => {
      if (nth === 1) return whole(request, response, nth);
      response.writeHead(302, { location: host.url('/b', 'localhost') }).end();
    });
    await downloadPackage(inputTo(host, { identityHosts: [identityHost] }), NO_CONTEXT, { ca: authority.cert });
    expect(host.asked.map(({ client }) => client)).toEqual(clients);
    expect(host.asked.map(({ headers }) => headers.host)).toEqual([`127.0.0.1:${host.port}`, `localhost:${host.port}`]);
  });

  test('a host that knows nobody of ours needs no files of ours', async () => {
    const host = await secureHost(asking(), whole);
    const files = { certFile: '/nowhere/a', keyFile: '/nowhere/b', caFile: '/nowhere/c' };
    await downloadPackage(inputTo(host, { identityHosts: [], tls: files }), NO_CONTEXT, { ca: authority.cert });
    expect(host.asked.map(({ client }) => client)).toEqual(['']);
  });
});

describe('our own files', () => {
  test.each([
    ['is not there', (path: string) => `${path}.gone`, 'ENOENT'],
    ['is a folder', () => tlsFolder, 'manager.tls.key_file: '],
    ['is a certificate', () => tls.certFile, ''],
  ])('a key that %s ends it at once', async (_, instead, reason) => {
    const host = await secureHost(asking(), whole);
    const { code, message, words } = await failed(inputTo(host, { tls: { ...tls, keyFile: instead(tls.keyFile) } }));
    expect(code).toBe('D4001');
    expect(message).toContain('are no client certificate');
    expect(words).toContain(reason);
    expect(host.asked).toEqual([]);
  });

  test.each(['a phrase', 'a phrase\n', 'a phrase\r\n'])(
    'an encrypted key is opened with the passphrase in %j',
    async (text) => {
      const [keyFile, keyPassphraseFile] = [join(tlsFolder, 'locked.key'), join(tlsFolder, 'phrase')];
      const plain = createPrivateKey(readFileSync(tls.keyFile));
      const locked = plain.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'a phrase' });
      writeFileSync(keyFile, locked);
      writeFileSync(keyPassphraseFile, text);
      const host = await secureHost({ ...asking(), rejectUnauthorized: true }, whole);
      await downloadPackage(inputTo(host, { tls: { ...tls, keyFile, keyPassphraseFile } }), NO_CONTEXT);
      expect(host.asked.map(({ client }) => client)).toEqual(['daemon']);
      writeFileSync(keyPassphraseFile, 'another');
      await expect(loadIdentity({ ...tls, keyFile, keyPassphraseFile })).rejects.toMatchObject({ code: 'D4001' });
      await expect(loadIdentity({ ...tls, keyFile })).rejects.toMatchObject({ code: 'D4001' });
    },
  );

  test('a key of another certificate is none', async () => {
    await expect(loadIdentity({ ...tls, keyFile: join(tlsFolder, 'server.key') })).rejects.toMatchObject({
      code: 'D4001',
    });
  });
});
