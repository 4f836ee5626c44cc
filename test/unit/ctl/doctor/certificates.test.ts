import { rmSync, writeFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import { examineCertificates } from '../../../../src/ctl/doctor/certificates.ts';
import { createCertificates } from '../../../../src/demo/certificates.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { ExaminedHost, textsOf } from './examined-host.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.now();

let host: ExaminedHost;

beforeEach(async () => {
  host = await ExaminedHost.make();
});

test('all is well', async () => {
  const findings = await examineCertificates(host.config(), NOW_MS);
  expect(host.outcomes(findings)).toEqual(['ok client.crt', 'ok ca.crt', 'ok client.key', 'ok ca.crt']);
  expect(findings[0]?.found).toMatch(/CN=.*, (89|90) days left/);
});

test.each([
  [70, 'warning', 'expires in '],
  [100, 'failed', 'expired at'],
  [-1, 'failed', 'is valid from'],
])('after %i days: %s', async (days, outcome, says) => {
  const [own] = await examineCertificates(host.config(), NOW_MS + days * DAY_MS);
  expect(own).toMatchObject({ outcome, found: expect.stringContaining(says), advice: expect.stringMatching(/./) });
});

test('a key of another, a CA of another', async () => {
  const { key } = await host.authority.issue({ name: 'other' });
  writeFileSync(host.path('client.key'), key);
  const other = await testFolder('doctor-other');
  writeFileSync(host.path('ca.crt'), (await createCertificates(other)).cert);
  const findings = await examineCertificates(host.config(), NOW_MS);
  expect(host.outcomes(findings)).toEqual(['ok client.crt', 'ok ca.crt', 'failed client.key', 'warning ca.crt']);
});

test('files that are not there, or are something else', async () => {
  rmSync(host.path('client.crt'));
  expect(textsOf(await examineCertificates(host.config(), NOW_MS))).toMatch(
    /cert_file: .*client\.crt cannot be read: ENOENT/,
  );
  writeFileSync(host.path('client.crt'), 'nothing');
  expect(host.outcomes(await examineCertificates(host.config(), NOW_MS))).toEqual(['failed client.crt']);
  writeFileSync(host.path('client.crt'), '-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----');
  expect(host.outcomes(await examineCertificates(host.config(), NOW_MS))).toEqual(['failed manager.tls']);
});

test('no TLS is a warning', async () => {
  expect(host.outcomes(await examineCertificates(host.config({ tls: 'off' }), NOW_MS))).toEqual([
    'warning manager.tls',
  ]);
});
