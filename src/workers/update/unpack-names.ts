/**
 * Names in an archive: what may become a path below its root, and where a symbolic link leads to. Pure: it looks at
 * text only and knows nothing of what is on the disk.
 */

const MAX_PART_BYTES = 255; // NAME_MAX
const MAX_PATH_BYTES = 1024;
const MAX_LINKS = 40; // as many as Linux follows (path_resolution(7))
/** Control characters; what bytes that are not UTF-8 were turned into, so that two names could become one. */
const UNUSABLE = /[\p{Cc}\uFFFD]/u;

export type Parsed = { parts: string[] } | { reason: string };

/** A name for a message: quoted, without anything that a terminal would obey, and not longer than a line. */
export function shown(name: string): string {
  const quoted = JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}…` : name);
  return quoted.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}

function badText(name: string): string | null {
  if (name === '') return 'is empty';
  if (UNUSABLE.test(name)) return 'has control characters or is not UTF-8';
  if (name.includes('\\')) return 'has a backslash';
  if (name.startsWith('/')) return 'is absolute';
  if (Buffer.byteLength(name) > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  if (name.split('/').some((part) => Buffer.byteLength(part) > MAX_PART_BYTES))
    return `has a part of more than ${MAX_PART_BYTES} bytes`;
  return null;
}

const meaningful = (name: string): string[] => name.split('/').filter((part) => part !== '' && part !== '.');

/** The parts of an entry's name, its root first; none for `./`. Otherwise why it is refused: `is absolute`. */
export function parseName(name: string): Parsed {
  const reason = badText(name);
  if (reason) return { reason };
  const parts = meaningful(name);
  return parts.includes('..') ? { reason: 'has ..' } : { parts };
}

/** The target of a symbolic link: as a name, but `..` is allowed. Where it leads to is for `leadsOutside`. */
export function parseTarget(target: string): Parsed {
  const reason = badText(target);
  return reason ? { reason } : { parts: meaningful(target) };
}

/**
 * Whether a link of the archive leads out of its root, other links on the way followed as the kernel would. `links`
 * has the path of each symbolic link below the root, and its target's parts. Null where it stays inside.
 */
export function leadsOutside(path: string, links: ReadonlyMap<string, readonly string[]>): string | null {
  let followed = 1;
  const at = path.split('/').slice(0, -1);
  const ahead = [...(links.get(path) ?? [])];
  for (let part = ahead.shift(); part !== undefined; part = ahead.shift()) {
    if (part === '..') {
      if (at.pop() === undefined) return 'leads out of its root';
      continue;
    }
    const target = links.get([...at, part].join('/'));
    if (!target) {
      at.push(part);
      continue;
    }
    if (++followed > MAX_LINKS) return 'leads in a circle';
    ahead.unshift(...target);
  }
  return null;
}
