/** Keys and signatures as the openssl command makes and checks them: the peer that those who release packages use. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface KeyFiles {
  privateFile: string;
  publicFile: string;
  publicPem: string;
}

/** How `openssl genpkey` is told to make each. */
const MAKING = {
  'rsa-1024': ['RSA', 'rsa_keygen_bits:1024'],
  'rsa-2048': ['RSA', 'rsa_keygen_bits:2048'],
  'rsa-3072': ['RSA', 'rsa_keygen_bits:3072'],
  'rsa-pss': ['RSA-PSS', 'rsa_keygen_bits:2048'],
  'rsa-pss-sha384': ['RSA-PSS', 'rsa_keygen_bits:2048', 'rsa_pss_keygen_md:sha384', 'rsa_pss_keygen_mgf1_md:sha384'],
  'p-256': ['EC', 'ec_paramgen_curve:P-256'],
  'p-384': ['EC', 'ec_paramgen_curve:P-384'],
  'p-521': ['EC', 'ec_paramgen_curve:P-521'],
  ed25519: ['ED25519'],
  x25519: ['X25519'],
} satisfies Record<string, string[]>;
export type KeyName = keyof typeof MAKING;

const PSS = ['-sigopt', 'rsa_padding_mode:pss'];

export function openssl(...args: string[]): Buffer {
  return execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

export function makeKey(folder: string, name: KeyName, file: string = name): KeyFiles {
  const privateFile = join(folder, `${file}.key`);
  const publicFile = join(folder, `${file}.pub`);
  const [algorithm = '', ...settings] = MAKING[name];
  const options = settings.flatMap((setting) => ['-pkeyopt', setting]);
  openssl('genpkey', '-algorithm', algorithm, ...options, '-out', privateFile);
  openssl('pkey', '-in', privateFile, '-pubout', '-out', publicFile);
  return { privateFile, publicFile, publicPem: readFileSync(publicFile, 'utf8') };
}

/** `pss`: with the longest salt, as openssl does by itself; `pss-32`: as long as the hash. */
export type Padding = 'plain' | 'pss' | 'pss-32';

export function signFile(key: KeyFiles, file: string, padding: Padding = 'plain'): Buffer {
  const salt = padding === 'pss-32' ? ['-sigopt', 'rsa_pss_saltlen:32'] : [];
  return openssl('dgst', '-sha256', '-sign', key.privateFile, ...(padding === 'plain' ? [] : [...PSS, ...salt]), file);
}

/** Ed25519, over all bytes at once. */
export function signRaw(key: KeyFiles, file: string): Buffer {
  return openssl('pkeyutl', '-sign', '-rawin', '-inkey', key.privateFile, '-in', file);
}

/** Whether the openssl command takes a raw signature that lies in a file. */
export function opensslTakes(
  publicFile: string,
  file: string,
  signatureFile: string,
  how: 'dgst' | 'pss' | 'raw',
): boolean {
  const args =
    how === 'raw'
      ? ['pkeyutl', '-verify', '-rawin', '-pubin', '-inkey', publicFile, '-sigfile', signatureFile, '-in', file]
      : ['dgst', '-sha256', '-verify', publicFile, ...(how === 'pss' ? PSS : []), '-signature', signatureFile, file];
  return spawnSync('openssl', args, { stdio: 'ignore' }).status === 0;
}

/** Code and message of what it throws; fails where it throws nothing. */
export async function refusalOf(work: () => unknown): Promise<{ code: unknown; message: string; cause: unknown }> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { code: 'code' in error ? error.code : null, message: error.message, cause: error.cause };
  }
  throw new Error('it was taken');
}
