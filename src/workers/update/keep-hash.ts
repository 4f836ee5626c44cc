/**
 * What a backup holds, in order, and one hash of it. A file's hash is the SHA-256 of its content. A folder's is the
 * SHA-256 of a line for each thing in it, itself first, sorted by path (UTF-16 code units, as `<` compares):
 *
 *   JSON of [type, path, mode, content] and a line feed
 *
 * type `folder`, `file` or `link`; path relative to the folder, '' for itself; mode four octal digits, '' of a link;
 * content '' of a folder, the SHA-256 in hex of a file, the target of a link. Owners and times do not count.
 */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { readChunks, withRegularFile } from './keep-files.ts';

export type KeptType = 'folder' | 'file' | 'link' | 'other';

export interface Kept {
  /** Relative; '' for the file or folder itself. */
  path: string;
  type: KeptType;
  stats: Stats;
  /** Of a link; empty otherwise. */
  target: string;
}

function typeOf(stats: Stats): KeptType {
  if (stats.isDirectory()) return 'folder';
  if (stats.isFile()) return 'file';
  return stats.isSymbolicLink() ? 'link' : 'other';
}

/** Everything in it, itself included, sorted: a folder comes before what is in it. Throws the system's error. */
export function listKept(root: string): Kept[] {
  const found: Kept[] = [];
  const ahead = [''];
  for (let path = ahead.pop(); path !== undefined; path = ahead.pop()) {
    const full = join(root, path);
    const stats = lstatSync(full);
    const type = typeOf(stats);
    found.push({ path, type, stats, target: type === 'link' ? readlinkSync(full) : '' });
    if (type === 'folder') for (const name of readdirSync(full)) ahead.push(join(path, name));
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export function bytesOf(kept: readonly Kept[]): number {
  return kept.reduce((sum, { type, stats }) => sum + (type === 'file' ? stats.size : 0), 0);
}

/** Of what `listKept` found there. `told` gets each number of bytes that it has read. Hex. */
export function hashOf(root: string, kept: readonly Kept[], told: (bytes: number) => void): string {
  const contentHash = (path: string): string => {
    const hash = createHash('sha256');
    withRegularFile(join(root, path), (fd) => {
      readChunks(fd, (chunk) => {
        hash.update(chunk);
        told(chunk.length);
      });
    });
    return hash.digest('hex');
  };
  if (kept[0]?.type === 'file') return contentHash('');
  const whole = createHash('sha256');
  for (const { path, type, stats, target } of kept) {
    const mode = type === 'link' ? '' : (stats.mode & 0o7777).toString(8).padStart(4, '0');
    whole.update(`${JSON.stringify([type, path, mode, type === 'file' ? contentHash(path) : target])}\n`);
  }
  return whole.digest('hex');
}
