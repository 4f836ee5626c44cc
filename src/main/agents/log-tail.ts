/**
 * The last lines of an agent's output, so that an exit's report says why without anybody having to log in. Without what
 * looks like a secret: they go into states, events and reports, to the Manager and onto the status page.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { scrub } from '../../shared/secrets/rules.ts';

const TAIL_BYTES = 4096;

/** Without the line that has lost its beginning; where that is all there is, without what may be half of a secret. */
function withoutHalfAnything(text: string): string {
  const rest = text.slice(text.indexOf('\n') + 1);
  return rest.length < text.length && rest.trim() !== '' ? rest : text.replace(/^\s*\S{0,1024}/, '');
}

/** At most `lines` whole lines; empty where there is no file or nothing in it. */
export function logTail(path: string, lines = 5): string[] {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return []; // never written: nothing to show
  }
  try {
    const { size } = fstatSync(fd);
    const from = Math.max(0, size - TAIL_BYTES);
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const text = buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, from));
    // together: a key has several
    return scrub(from > 0 ? withoutHalfAnything(text) : text)
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-lines);
  } finally {
    closeSync(fd);
  }
}
