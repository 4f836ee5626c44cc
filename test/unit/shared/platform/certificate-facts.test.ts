import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createAuthority } from '../../../../src/demo/certificates.ts';
import { alternativeNames, certificateFacts } from '../../../../src/shared/platform/certificate-facts.ts';
import { testFolder } from '../../../support/temp-folder.ts';

/** Self-signed, with what no issuer of ours would put in. */
async function openssl(subject: string, alternatives: string): Promise<X509Certificate> {
  const folder = await testFolder('facts');
  const out = join(folder, 'crt');
  const config = join(folder, 'config');
  writeFileSync(config, `[req]\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\n[ext]\n${alternatives}\n`);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(folder, 'key')];
  execFileSync('openssl', ['req', '-x509', ...key, '-subj', subject, '-config', config, '-out', out], {
    stdio: 'ignore',
  });
  return new X509Certificate(readFileSync(out));
}

test('subject, issuer, names and dates', async () => {
  const [notBefore, notAfter] = [new Date('2026-01-02T03:04:05Z'), new Date('2031-02-03T04:05:06Z')];
  const authority = await createAuthority('a CA');
  const hosts = ['m.example', '10.0.0.1'];
  const pair = await authority.issue({ name: 'm', hosts, uris: ['spiffe://x/m'], notBefore, notAfter });
  const certificate = new X509Certificate(pair.cert);
  expect(certificateFacts(certificate)).toEqual({
    subject: 'CN=m',
    issuer: 'CN=a CA',
    names: ['m', 'm.example', 'spiffe://x/m'],
    notBeforeMs: notBefore.getTime(),
    notAfterMs: notAfter.getTime(),
  });
  expect(alternativeNames(certificate, ['IP Address'])).toEqual(['10.0.0.1']);
});

test('several common names, and none', async () => {
  const two = await openssl('/O=Example, Inc./CN=one/CN=two', '');
  expect(certificateFacts(two)).toMatchObject({ names: ['one', 'two'], subject: 'O=Example\\, Inc., CN=one, CN=two' });
  expect(certificateFacts(await openssl('/O=x', '')).names).toEqual([]);
  expect(certificateFacts(await openssl('/', 'subjectAltName=DNS:a'))).toMatchObject({ subject: '', names: ['a'] });
});

test('a name is never taken for two', async () => {
  const names = 'URI.1=https://x/a, DNS:manager\nURI.2=https://y/\\"\nDNS=own';
  const certificate = await openssl('/CN=x, DNS:manager', `subjectAltName=@names\n[names]\n${names}`);
  expect(certificateFacts(certificate).names).toEqual([
    'x, DNS:manager',
    'https://x/a, DNS:manager',
    'https://y/"',
    'own',
  ]);
});
