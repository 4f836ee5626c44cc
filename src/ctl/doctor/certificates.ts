/** The host's certificate, its key and the CA: whether they can be read, hold now, and belong together. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Config } from '../../shared/config/schema.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import { readTlsFiles, type TlsFileContents } from '../../shared/platform/tls-files.ts';
import { invalidityInWords, isoTime, spanInWords, validityAt } from '../../shared/platform/validity.ts';
import { type Finding, Findings } from './finding.ts';

const DAY_MS = 86_400_000;
const SOON_MS = 30 * DAY_MS;
const PEM = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

type TlsFiles = Exclude<Config['manager']['tls'], { off: true }>;

/** Throws where one of them cannot be read. */
function certificatesIn(pem: Buffer): X509Certificate[] {
  return [...pem.toString('latin1').matchAll(PEM)].map(([block]) => new X509Certificate(block));
}

function named({ subject, serialNumber }: X509Certificate): string {
  return subject ? subject.split('\n').join(', ') : `serial ${serialNumber}`;
}

function signedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  try {
    return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
  } catch {
    return false; // keys of different kinds
  }
}

function examineDates(findings: Findings, path: string, certificate: X509Certificate, nowMs: number): void {
  const validity = { notBeforeMs: Date.parse(certificate.validFrom), notAfterMs: Date.parse(certificate.validTo) };
  const name = named(certificate);
  const leftMs = validity.notAfterMs - nowMs;
  if (validityAt(validity, nowMs) !== 'valid') {
    findings.failed(path, `${name} ${invalidityInWords(validity, nowMs)}`, "renew it, or set this host's clock right");
  } else if (leftMs <= SOON_MS) {
    const left = `${name} expires in ${spanInWords(leftMs)}, at ${isoTime(validity.notAfterMs)}`;
    findings.warning(path, left, 'renew it; the daemon takes the new files over by itself');
  } else {
    findings.ok(path, `${name}, ${Math.floor(leftMs / DAY_MS)} days left (until ${isoTime(validity.notAfterMs)})`);
  }
}

function examineKey(findings: Findings, own: X509Certificate, files: TlsFiles, contents: TlsFileContents): void {
  const { key, passphrase } = contents;
  try {
    const privateKey = createPrivateKey({ key, ...(passphrase === '' ? {} : { passphrase }) });
    if (own.checkPrivateKey(privateKey)) findings.ok(files.keyFile, 'is the key of the certificate');
    else findings.failed(files.keyFile, `is not the key of ${files.certFile}`, 'give certificate and key of one pair');
  } catch (error) {
    const advice = 'give a private key in PEM; an encrypted one needs manager.tls.key_passphrase_file';
    findings.failed(files.keyFile, `cannot be opened: ${describe(error)}`, advice);
  }
}

function examineIssuer(
  findings: Findings,
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  { certFile, caFile }: TlsFiles,
): void {
  const signed = chain.some((certificate) => authorities.some((authority) => signedBy(certificate, authority)));
  if (signed) {
    findings.ok(caFile, `signed the certificate in ${certFile}`);
    return;
  }
  const advice =
    'right only where the Manager has its clients signed by another CA than its own; else have it issued anew';
  findings.warning(caFile, `did not sign the certificate in ${certFile}`, advice);
}

/** `nowMs`: Unix milliseconds. */
export async function examineCertificates({ manager }: Config, nowMs: number): Promise<Finding[]> {
  const findings = new Findings('certificates');
  const { tls } = manager;
  if (tls.off) {
    findings.warning(
      'manager.tls',
      'is off: nothing is encrypted',
      'configure manager.tls unless the Manager has no TLS',
    );
    return findings.all;
  }
  let contents: TlsFileContents | null = null;
  try {
    contents = await readTlsFiles(tls);
    const chain = certificatesIn(contents.cert);
    const authorities = certificatesIn(contents.ca);
    const [own] = chain;
    if (authorities.length === 0)
      findings.failed(tls.caFile, 'has no certificate', 'give the CA of the Manager in PEM');
    if (!own) {
      findings.failed(tls.certFile, 'has no certificate', 'give the certificate of this host in PEM');
      return findings.all;
    }
    for (const certificate of chain) examineDates(findings, tls.certFile, certificate, nowMs);
    for (const authority of authorities) examineDates(findings, tls.caFile, authority, nowMs);
    examineKey(findings, own, tls, contents);
    if (authorities.length > 0) examineIssuer(findings, chain, authorities, tls);
  } catch (error) {
    findings.failed('manager.tls', describe(error), 'see that the file is there, is PEM, and may be read by this user');
  } finally {
    contents?.key.fill(0);
  }
  return findings.all;
}
