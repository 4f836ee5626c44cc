/** A log to compress, of lines as services write them, and compressing it as the daemon does with a rotated one. */
import { link, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pool } from '../../src/main/threads/pool.ts';
import { MIB } from './update-package.ts';

const LOG_MIB = 16;
const DEADLINE_MS = 60_000;
const LEVELS = ['info', 'info', 'info', 'debug', 'warn'];
const PATHS = ['/api/orders', '/api/users', '/health', '/static/app.js'];

/** Lines in which times, ids and figures change, in all exactly so many bytes; the same each time. Pure. */
export function logText(bytes: number): string {
  const lines: string[] = [];
  let [length, state] = [0, 1];
  const next = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
  for (let ms = 0; length < bytes; ms += next(40)) {
    const time = new Date(Date.UTC(2024, 0, 1) + ms).toISOString();
    const request = next(2 ** 31)
      .toString(16)
      .padStart(8, '0');
    const line = `${time} ${LEVELS[next(LEVELS.length)]} request=${request} path=${PATHS[next(PATHS.length)]}/${next(5000)} status=200 took=${next(900)}ms bytes=${next(90_000)}\n`;
    lines.push(line);
    length += line.length;
  }
  return lines.join('').slice(0, bytes);
}

export interface LogOptions {
  /** Of the log. */
  mebibytes?: number;
  /** Is given both files each time that it has been compressed. */
  check?: (log: string, compressed: string) => Promise<void>;
}

/** Writes the log into the folder; gives what compresses it once. What is left in the folder is its owner's. */
export async function logCompression(
  folder: string,
  pool: Pool,
  signal: AbortSignal,
  { mebibytes = LOG_MIB, check = async () => {} }: LogOptions = {},
): Promise<() => Promise<void>> {
  const log = join(folder, 'service.log');
  // the same part over and over: gzip looks back 32 KiB only
  const part = Buffer.from(logText(MIB), 'latin1');
  const file = await open(log, 'wx', 0o600);
  try {
    for (let n = 0; n < mebibytes; n++) {
      signal.throwIfAborted();
      await file.writeFile(part);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  const [from, to] = [join(folder, 'service.log.1'), join(folder, 'service.log.1.gz')];
  return async () => {
    await link(log, from); // compressing removes what it has compressed
    await pool.run('compress', { from, temporary: `${to}.part`, to }, { deadlineMs: DEADLINE_MS, signal });
    await check(log, to);
    await rm(to);
  };
}
