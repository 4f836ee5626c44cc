/** An agent that numbers its lines, and the reading back of what became of them in a folder of rotated logs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const PROGRAM = fileURLToPath(new URL('../fixtures/writers/numbers-lines.mjs', import.meta.url));

export class LogWriter {
  readonly #child: ChildProcess;
  #told = '';

  /** Appends to the file through a descriptor that it holds, as agents do. 0 lines a second: as fast as it can. */
  constructor(path: string, linesPerSecond: number) {
    const log = openSync(path, 'a', 0o640);
    this.#child = spawn(process.execPath, [PROGRAM, String(linesPerSecond)], { stdio: ['ignore', log, 'pipe'] });
    closeSync(log);
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#told += chunk.toString('utf8');
    });
  }

  /** Ends it; returns how many lines it wrote. */
  async stop(): Promise<number> {
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    await closed;
    return Number(this.#told);
  }
}

/** What the agent's files hold, oldest first, as one: as `zcat` and `cat` would show it. */
export function readBack(folder: string, agentId: string): Buffer {
  const rotated = readdirSync(folder)
    .filter((name) => name.startsWith(`${agentId}.`) && name !== `${agentId}.log`)
    .sort();
  const parts = rotated.map((name) => {
    const content = readFileSync(join(folder, name));
    return name.endsWith('.gz') ? gunzipSync(content) : content;
  });
  return Buffer.concat([...parts, readFileSync(join(folder, `${agentId}.log`))]);
}

export interface Account {
  /** Lines that were written and are nowhere. */
  lost: number;
  /** Of these, the longest run. */
  longestGap: number;
  /** Lines that are there in part only, or not in their order. */
  broken: number;
}

/** Compares what is there with what was written. */
export function account(content: Buffer, written: number): Account {
  const result: Account = { lost: 0, longestGap: 0, broken: 0 };
  let next = 0;
  for (const line of content.toString('latin1').split('\n')) {
    if (line === '') continue;
    const number = /^(\d{12}) \.{50}$/.exec(line)?.[1];
    if (number === undefined || Number(number) < next) {
      result.broken++;
      continue;
    }
    const gap = Number(number) - next;
    result.lost += gap;
    result.longestGap = Math.max(result.longestGap, gap);
    next = Number(number) + 1;
  }
  result.lost += written - next;
  result.longestGap = Math.max(result.longestGap, written - next);
  return result;
}
