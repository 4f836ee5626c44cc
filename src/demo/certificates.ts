/**
 * Throw-away certificates for demos and tests: a CA of its own and what it signs, ECDSA P-256 unless told otherwise.
 * Nothing here is meant to protect anything: keys lie unencrypted in a folder that is removed afterwards.
 */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const KEY_ALGORITHMS = {
  EC: ALGORITHM,
  RSA: {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  },
  Ed25519: { name: 'Ed25519' },
} as const;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Longer than what the daemon warns of. */
const VALID_MS = 90 * DAY_MS;
/** Clocks of two machines differ a little; a certificate of now must be good there too. */
const BACKDATED_MS = 5 * 60 * 1000;

/** What a server's certificate names by default: this machine, by loopback. */
export const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '::1'] as const;

export type Usage = 'server' | 'client';

/** A certificate and its private key (PKCS #8), PEM both. */
export interface KeyPair {
  cert: string;
  key: string;
}

export interface Validity {
  notBefore?: Date;
  notAfter?: Date;
}

export interface IssueOptions extends Validity {
  /** Common name: letters, digits, blanks, `-`, `.` and `_`. */
  name: string;
  /** Subject alternative names, DNS names and IP addresses. Default: none. */
  hosts?: readonly string[];
  /** Further subject alternative names. Default: none. */
  uris?: readonly string[];
  /** Default: server and client. */
  usages?: readonly Usage[];
  /** Kind of its key. Default: EC. */
  keys?: keyof typeof KEY_ALGORITHMS;
}

export interface Authority extends KeyPair {
  issue(options: IssueOptions): Promise<KeyPair>;
  /** Another CA, which this one signs: what it issues is trusted with its certificate behind it in the file. */
  subordinate(name: string, limits?: Validity): Promise<Authority>;
}

const USAGES: Record<Usage, string> = { server: ExtendedKeyUsage.serverAuth, client: ExtendedKeyUsage.clientAuth };

/** A positive number of 16 bytes, hexadecimal. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function commonName(name: string): string {
  if (!/^[\w.-][\w .-]*$/.test(name)) throw new Error(`not a common name: ${JSON.stringify(name)}`);
  return `CN=${name}`;
}

function validity({ notBefore, notAfter }: Validity): Required<Validity> {
  return {
    notBefore:
      notBefore ?? new Date(Math.min(Date.now(), notAfter?.getTime() ?? Number.POSITIVE_INFINITY) - BACKDATED_MS),
    notAfter: notAfter ?? new Date(Math.max(Date.now(), notBefore?.getTime() ?? 0) + VALID_MS),
  };
}

async function newKeys(kind: keyof typeof KEY_ALGORITHMS = 'EC'): Promise<webcrypto.CryptoKeyPair> {
  const usages: webcrypto.KeyUsage[] = ['sign', 'verify'];
  // each kind by itself: the types know of pairs by the algorithm only
  if (kind === 'RSA') return webcrypto.subtle.generateKey(KEY_ALGORITHMS.RSA, true, usages);
  if (kind === 'EC') return webcrypto.subtle.generateKey(KEY_ALGORITHMS.EC, true, usages);
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHMS.Ed25519, true, usages);
  if ('privateKey' in keys) return keys;
  throw new Error('no pair of keys');
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

async function authorityExtensions(publicKey: webcrypto.CryptoKey): Promise<Extension[]> {
  return [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    await SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
  ];
}

/** Makes a self-signed CA. It is valid for 90 days unless told otherwise, as is what it issues. */
export async function createAuthority(name: string, limits: Validity = {}): Promise<Authority> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: commonName(name),
      ...validity(limits),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: await authorityExtensions(keys.publicKey),
    },
    webcrypto,
  );
  return authorityOf(certificate, keys);
}

async function authorityOf(authority: X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<Authority> {
  return {
    cert: `${authority.toString('pem')}\n`,
    key: await keyPem(keys.privateKey),
    subordinate: async (name, limits = {}) => {
      const own = await newKeys();
      const certificate = await X509CertificateGenerator.create(
        {
          serialNumber: serialNumber(),
          subject: commonName(name),
          issuer: authority.subject,
          ...validity(limits),
          signingAlgorithm: ALGORITHM,
          signingKey: keys.privateKey,
          publicKey: own.publicKey,
          extensions: await authorityExtensions(own.publicKey),
        },
        webcrypto,
      );
      return authorityOf(certificate, own);
    },
    issue: async (options) => {
      const own = await newKeys(options.keys);
      const { hosts = [], uris = [], usages = ['server', 'client'] } = options;
      const names = [
        ...hosts.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
        ...uris.map((value) => ({ type: 'url' as const, value })),
      ];
      const certificate = await X509CertificateGenerator.create(
        {
          serialNumber: serialNumber(),
          subject: commonName(options.name),
          issuer: authority.subject,
          ...validity(options),
          signingAlgorithm: ALGORITHM,
          signingKey: keys.privateKey,
          publicKey: own.publicKey,
          extensions: [
            new BasicConstraintsExtension(false, undefined, true),
            new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
            new ExtendedKeyUsageExtension(usages.map((usage) => USAGES[usage])),
            ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
          ],
        },
        webcrypto,
      );
      return { cert: `${certificate.toString('pem')}\n`, key: await keyPem(own.privateKey) };
    },
  };
}

export interface CertificatesOptions extends Validity {
  /** Names of the server. Default: loopback. */
  hosts?: readonly string[];
  /** Signs in place of a new authority. */
  authority?: Authority;
  /** Common name of the client. Default: `daemon`. */
  clientName?: string;
}

/** A certificate is for all to read, a key for its owner only. */
async function writePair(folder: string, name: string, pair: KeyPair): Promise<void> {
  await writeFile(join(folder, `${name}.crt`), pair.cert, { mode: 0o644 });
  await writeFile(join(folder, `${name}.key`), pair.key, { mode: 0o600 });
}

/**
 * Writes ca, server and client (`.crt` and `.key`) into an existing folder and returns the authority that signed.
 * The limits of validity are those of server and client.
 */
export async function createCertificates(folder: string, options: CertificatesOptions = {}): Promise<Authority> {
  const { hosts = LOOPBACK_HOSTS, clientName = 'daemon', authority: given, ...limits } = options;
  const authority = given ?? (await createAuthority('throw-away CA'));
  await writePair(folder, 'ca', authority);
  await writePair(folder, 'server', await authority.issue({ name: 'manager', hosts, usages: ['server'], ...limits }));
  await writePair(folder, 'client', await authority.issue({ name: clientName, usages: ['client'], ...limits }));
  return authority;
}
