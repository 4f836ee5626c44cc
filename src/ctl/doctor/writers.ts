/**
 * Who besides those who are trusted may change a file or folder, or put another in its place: by its own mode and
 * owner, and by those of the folders above it. Access lists count as the kernel shows them, in the bits of the group.
 */
import { lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

export const OTHERS_WRITE = 0o002;
const GROUP_WRITE = 0o020;
/** In such a folder only the owner of a file, or of the folder, may put another in its place. */
export const STICKY = 0o1000;

export interface Writer {
  kind: 'everybody' | 'group' | 'owner';
  /** Of the group or owner. */
  id: number;
  /** The path itself, or a folder above it. */
  place: string;
  /** Of the place, octal. */
  mode: string;
}

export const octal = ({ mode }: Pick<Stats, 'mode'>): string => (mode & 0o7777).toString(8).padStart(4, '0');

/** Of one place. The group 0 is root's. Pure. */
export function writersBy(
  stats: Pick<Stats, 'mode' | 'uid' | 'gid'>,
  trusted: readonly number[],
): Pick<Writer, 'kind' | 'id'>[] {
  const { mode, uid, gid } = stats;
  return [
    ...(mode & OTHERS_WRITE ? [{ kind: 'everybody', id: 0 } as const] : []),
    ...(mode & GROUP_WRITE && gid !== 0 ? [{ kind: 'group', id: gid } as const] : []),
    ...(trusted.includes(uid) ? [] : [{ kind: 'owner', id: uid } as const]),
  ];
}

function upwards(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [path, ...upwards(parent)];
}

/** The nearest to the path first. Throws as the file system does. */
export function writersOf(path: string, trusted: readonly number[]): Writer[] {
  const real = realpathSync(path);
  const at = (place: string, stats: Stats, kinds: readonly Writer['kind'][]): Writer[] =>
    writersBy(stats, trusted).flatMap((writer) =>
      kinds.includes(writer.kind) ? [{ ...writer, place, mode: octal(stats) }] : [],
    );
  const link = lstatSync(path);
  const above = new Set([...upwards(dirname(real)), ...upwards(dirname(path))]);
  return [
    ...at(path, statSync(path), ['everybody', 'group', 'owner']),
    ...(link.isSymbolicLink() ? at(path, link, ['owner']) : []), // its mode says nothing
    ...[...above].flatMap((folder) => {
      const stats = statSync(folder);
      return at(folder, stats, stats.mode & STICKY ? ['owner'] : ['everybody', 'group', 'owner']);
    }),
  ];
}

export interface User {
  uid: number;
  /** All that it is of. */
  groups: readonly number[];
}

/** Whether the user may make files in a folder with these bits. Root's capabilities count as all of them. Pure. */
export function mayWrite({ mode, uid, gid }: Pick<Stats, 'mode' | 'uid' | 'gid'>, user: User): boolean {
  if (user.uid === 0) return true;
  const shift = uid === user.uid ? 6 : user.groups.includes(gid) ? 3 : 0;
  return ((mode >> shift) & 0o3) === 0o3;
}
