/**
 * What a package is, by its first bytes and never by its name. It promises no more than the form: an archive is
 * checked while it is unpacked, a program by running it once.
 */
import { readSync } from 'node:fs';
import type { PackageForm, PoolTasks } from '../../shared/contracts/pool-tasks.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { elfArch, isElf } from './elf.ts';
import { withRegularFile } from './keep-files.ts';

const HEAD_BYTES = 64;

/** What people hand in by mistake, for the message. */
const OTHERS: readonly (readonly [magic: string, what: string])[] = [
  ['504b0304', 'a zip archive'],
  ['504b0506', 'an empty zip archive'],
  ['425a68', 'something packed with bzip2'],
  ['fd377a585a00', 'something packed with xz'],
  ['28b52ffd', 'something packed with zstd'],
  ['213c617263683e0a', 'a Debian package or a static library'],
  ['edabeedb', 'an RPM package'],
  ['4d5a', 'a program for Windows'],
  ['cffaedfe', 'a program for macOS'],
  ['cafebabe', 'a program for macOS or a Java class'],
];

/** The form by the first bytes of a file; a sentence's end of what it seems to be where that is no package. */
function formOf(head: Buffer): PackageForm | string {
  if (head[0] === 0x1f && head[1] === 0x8b) return { form: 'tar.gz' };
  if (isElf(head)) return { form: 'program', arch: elfArch(head) };
  if (head.subarray(0, 2).toString('latin1') === '#!') return { form: 'program', arch: null };
  if (head.length === 0) return 'empty';
  const other = OTHERS.find(([magic]) => head.toString('hex').startsWith(magic));
  if (other) return other[1];
  const text = head.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
  return text ? 'plain text' : 'data of an unknown form';
}

function readHead(path: string): Buffer {
  return withRegularFile(path, (fd) => {
    const head = Buffer.alloc(HEAD_BYTES);
    return head.subarray(0, readSync(fd, head, 0, HEAD_BYTES, 0));
  });
}

function refusal(path: string, why: string, cause?: unknown): DaemonError {
  const hint = 'a package is a tar.gz archive, an ELF program or a script that starts with #!';
  return new DaemonError('D4002', `the package ${path} ${why}; ${hint} (check: archive)`, { cause });
}

/** Throws D4002 (check: archive) with what it is instead. A symbolic link is not followed. */
export async function inspectPackage({ path }: PoolTasks['inspect']['input']): Promise<PackageForm> {
  let head: Buffer;
  try {
    head = readHead(path);
  } catch (error) {
    throw refusal(path, 'cannot be read', error);
  }
  const form = formOf(head);
  if (typeof form === 'string') throw refusal(path, `is ${form}`);
  return form;
}
