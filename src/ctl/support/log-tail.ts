/** The end of a log, from the daemon where it answers, else from the file itself. */
import { open } from 'node:fs/promises';
import { type AskOptions, ask } from '../client.ts';

export const TAIL_LINES = 2000;
const TAIL_BYTES = 4 * 1024 * 1024;

/** Empty `agentId`: the daemon's own. Rejects as `ask` does. */
export async function askedTail(socket: string, agentId: string, options: AskOptions): Promise<string> {
  const kept: string[] = [];
  for (let cursor = ''; ; ) {
    const answer = await ask(socket, 'logs', { agentId, lines: TAIL_LINES, cursor }, options);
    kept.push(...answer.lines);
    cursor = answer.cursor;
    if (!answer.more || kept.length >= TAIL_LINES) return asText(kept);
  }
}

/** Rejects as the file system does. */
export async function readTail(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const buffer = Buffer.alloc(size - start);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
    const lines = buffer.subarray(0, bytesRead).toString('utf8').split('\n');
    if (start > 0) lines.shift(); // cut off at its beginning
    if (lines.at(-1) === '') lines.pop();
    return asText(lines);
  } finally {
    await file.close();
  }
}

function asText(lines: readonly string[]): string {
  return lines
    .slice(-TAIL_LINES)
    .map((line) => `${line}\n`)
    .join('');
}
