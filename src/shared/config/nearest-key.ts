/**
 * Which known word a misspelt one was meant to be, and where a key that stands in the wrong section belongs. Pure.
 */
import type { Fields } from './fields.ts';

/** Edits (insert, delete, replace, swap of neighbours) from one word to the other; `bound + 1` when more than that. */
export function distance(a: string, b: string, bound: number): number {
  if (Math.abs(a.length - b.length) > bound) return bound + 1;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(at(previous, j) + 1, at(row, j - 1) + 1, at(previous, j - 1) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, at(before, j - 2) + 1);
      row.push(cost);
    }
    if (Math.min(...row) > bound && Math.min(...previous) > bound) return bound + 1;
    before = previous;
    previous = row;
  }
  return Math.min(at(previous, b.length), bound + 1);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}

/** `logLevel`, `log-level` and `LOG_LEVEL` are all `log_level`. */
function normal(word: string): string {
  return word
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/[-\s]/g, '_')
    .toLowerCase();
}

/** The candidate that is closest to the word, null when none is close: a third of the letters may differ. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  if (word.length > 100) return null;
  const wanted = normal(word);
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const bound = Math.max(1, Math.floor(Math.max(wanted.length, candidate.length) / 3));
    const begins = wanted.length > 2 && (candidate.startsWith(wanted) || wanted.startsWith(candidate));
    const edits = begins ? 1 : distance(wanted, candidate, bound);
    // a word of one or two letters is not one that merely shares a letter with it
    if (edits <= bound && edits < Math.min(wanted.length, candidate.length) && edits < least) {
      best = candidate;
      least = edits;
    }
  }
  return best;
}

/** Sections (in the form `agents[].restart`, '' for the top level) that have this very key. */
export function sectionsWith(key: string, fields: Fields, path = ''): string[] {
  const here = key !== '*' && Object.hasOwn(fields, key) ? [path] : [];
  return [
    ...here,
    ...Object.entries(fields).flatMap(([name, field]) => {
      if (!('fields' in field)) return [];
      const step = field.kind === 'named-sections' ? '<name>' : field.kind === 'section-list' ? `${name}[]` : name;
      return sectionsWith(key, field.fields, path === '' ? step : `${path}.${step}`);
    }),
  ];
}

/**
 * What to say about an unknown key: the section that it belongs to, or the nearest known key, else the
 * section's keys.
 */
export function hintForUnknown(key: string, fields: Fields, path: string, root: Fields): string {
  const below = sectionsWith(key, fields, '');
  if (below.length > 0) return belongs(key, below);
  const known = Object.keys(fields).filter((name) => name !== '*');
  const near = nearest(key, known);
  if (near !== null) return `did you mean \`${near}\`?`;
  const elsewhere = sectionsWith(key, root).filter((section) => section !== path);
  if (elsewhere.length > 0) return belongs(key, elsewhere);
  return `known here: ${known.filter((name) => fields[name]?.kind !== 'ignored').join(', ')}`;
}

function belongs(key: string, sections: string[]): string {
  const places = sections.slice(0, 3).map((section) => (section === '' ? 'the top level' : `\`${section}\``));
  return `\`${key}\` belongs ${sections[0] === '' ? 'at' : 'under'} ${places.join(' or ')}`;
}
