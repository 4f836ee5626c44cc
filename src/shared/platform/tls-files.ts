/**
 * Reads the files of a TLS identity, one after another, so that the same fault always names the same file and the key
 * is in memory last. Checks nothing of what is in them. The buffers are the caller's alone: the key can be cleared.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { TlsFilePaths } from '../contracts/pool-tasks.ts';

export type TlsFileName = keyof TlsFilePaths;

/** In the order in which they are read, by their keys in the configuration. */
export const TLS_FILE_KEYS = {
  certFile: 'manager.tls.cert_file',
  caFile: 'manager.tls.ca_file',
  keyPassphraseFile: 'manager.tls.key_passphrase_file',
  keyFile: 'manager.tls.key_file',
} as const satisfies Record<TlsFileName, string>;

const NAMES = ['certFile', 'caFile', 'keyPassphraseFile', 'keyFile'] as const satisfies readonly TlsFileName[];

/** Larger than any bundle of CAs. */
const MAX_BYTES = 4 * 1024 * 1024;

export interface TlsFileFacts {
  name: TlsFileName;
  path: string;
  /** Permission bits. */
  mode: number;
  /** Differs where the file was replaced or written to; the same for two writes within one tick of the file system. */
  stamp: string;
  /** When content or mode last changed, Unix milliseconds. */
  changedMs: number;
}

export interface TlsFileContents {
  cert: Buffer;
  ca: Buffer;
  key: Buffer;
  /** Without the line end at its end; empty where there is no file for it. */
  passphrase: string;
  /** Of the files as they were opened. */
  facts: readonly TlsFileFacts[];
}

export class TlsFileError extends Error {
  override readonly name = 'TlsFileError';
  readonly file: TlsFileName;

  constructor(file: TlsFileName, path: string, cause: unknown) {
    super(`${TLS_FILE_KEYS[file]}: ${path} cannot be read`, { cause });
    this.file = file;
  }
}

function factsOf(name: TlsFileName, path: string, stats: Stats): TlsFileFacts {
  const { dev, ino, size, mtimeMs, ctimeMs, mode } = stats;
  const stamp = [name, path, dev, ino, size, mtimeMs, ctimeMs].join(':');
  return { name, path, mode: mode & 0o7777, stamp, changedMs: ctimeMs };
}

/** Throws a TlsFileError that names the file. */
export async function readTlsFiles(paths: TlsFilePaths): Promise<TlsFileContents> {
  const facts: TlsFileFacts[] = [];
  const contents: Partial<Record<TlsFileName, Buffer>> = {};
  for (const name of NAMES) {
    const path = paths[name] ?? '';
    if (name === 'keyPassphraseFile' && path === '') continue;
    try {
      const read = await readOne(path);
      facts.push(factsOf(name, path, read.stats));
      contents[name] = read.content;
    } catch (error) {
      throw new TlsFileError(name, path, error);
    }
  }
  const { certFile: cert = EMPTY, caFile: ca = EMPTY, keyFile: key = EMPTY, keyPassphraseFile } = contents;
  const passphrase = keyPassphraseFile?.toString('utf8').replace(/\r?\n$/, '') ?? '';
  keyPassphraseFile?.fill(0);
  return { cert, ca, key, passphrase, facts };
}

const EMPTY = Buffer.alloc(0);

/** For connecting, in TLS 1.3 and nothing below. Throws OpenSSL's error where they make no identity; clears nothing. */
export function tls13Context({ cert, ca, key, passphrase }: Omit<TlsFileContents, 'facts'>): SecureContext {
  const opened = passphrase === '' ? {} : { passphrase };
  return createSecureContext({ cert, ca, key, ...opened, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' });
}

/** The files' stamps without reading them; null where one cannot be looked at. */
export async function tlsFileStamps(paths: TlsFilePaths): Promise<string | null> {
  const facts: TlsFileFacts[] = [];
  for (const name of NAMES) {
    const path = paths[name] ?? '';
    if (name === 'keyPassphraseFile' && path === '') continue;
    try {
      facts.push(factsOf(name, path, await stat(path)));
    } catch {
      return null; // reading will say why
    }
  }
  return stampsOf(facts);
}

export function stampsOf(facts: readonly TlsFileFacts[]): string {
  return facts.map(({ stamp }) => stamp).join('\n');
}

async function readOne(path: string): Promise<{ stats: Stats; content: Buffer }> {
  // a named pipe would otherwise wait for its writer
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new Error('it is not a file');
    if (stats.size > MAX_BYTES) throw new Error(`it has ${stats.size} bytes, more than ${MAX_BYTES}`);
    return { stats, content: await readWhole(handle, stats.size) };
  } finally {
    await handle.close();
  }
}

/** Into one buffer of its own: no copy of a key is left behind elsewhere. */
async function readWhole(handle: FileHandle, size: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(size + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
    if (length <= size) continue;
    buffer.fill(0);
    throw new Error('it grew while it was read');
  }
}
