/** The last lines of an agent's output, so that an exit's report says why without anybody having to log in. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const TAIL_BYTES = 4096;

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
    const whole = text.split('\n').filter((line) => line.trim() !== '');
    return whole.slice(from > 0 && whole.length > 1 ? 1 : 0).slice(-lines);
  } finally {
    closeSync(fd);
  }
}
