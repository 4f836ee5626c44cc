/**
 * What the Manager refused for good, a JSON object a line, for a person to look into: at most 1 MiB and one older file
 * of that size. Nothing reads it again.
 */
import { join } from 'node:path';
import { unlessAbsent } from '../../../shared/platform/files.ts';
import type { QueueFiles } from './surroundings.ts';

const LARGEST_BYTES = 1024 * 1024;
const LONGEST_REASON = 500;

export interface DeadLetter {
  /** Unix ms. */
  timeMs: number;
  reason: string;
  type: string;
  /** Unix seconds. */
  timestamp: number;
  values: ReadonlyMap<string, number>;
}

function lineOf({ timeMs, reason, type, timestamp, values }: DeadLetter): Buffer {
  const time = new Date(timeMs).toISOString();
  const head = { time, reason: reason.slice(0, LONGEST_REASON), type, timestamp };
  const line = Buffer.from(`${JSON.stringify({ ...head, values: Object.fromEntries(values) })}\n`);
  if (line.length <= LARGEST_BYTES) return line;
  return Buffer.from(`${JSON.stringify({ ...head, values: {}, valuesLeftOut: values.size })}\n`);
}

export class DeadLetters {
  readonly #folder: string;
  readonly #files: QueueFiles;

  constructor(folder: string, files: QueueFiles) {
    this.#folder = folder;
    this.#files = files;
  }

  /** On disk afterwards; errors of the system pass through. */
  async add(letter: DeadLetter): Promise<void> {
    const line = lineOf(letter);
    const path = join(this.#folder, 'dead-letters.jsonl');
    await this.#files.mkdir(this.#folder, { recursive: true, mode: 0o750 });
    const { size } = await unlessAbsent(this.#files.stat(path), { size: 0 });
    if (size + line.length > LARGEST_BYTES) await this.#files.rename(path, join(this.#folder, 'dead-letters.1.jsonl'));
    const handle = await this.#files.open(path, 'a', 0o640);
    try {
      await handle.write(line, 0, line.length);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }
}
