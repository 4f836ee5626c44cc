/**
 * The daemon's own log: FILE, FILE.1, FILE.2 … by age. A cursor names the file by its inode and first bytes, since names
 * move on with each rotation and inodes are used again.
 */
import { stat } from 'node:fs/promises';
import { unlessAbsent } from '../../shared/platform/files.ts';
import { invalid } from './inputs.ts';
import type { LogPlace, OpenLog } from './log-parts.ts';
import { PlainPart } from './plain-part.ts';

/** The time of the first line is in them. */
const HEAD_BYTES = 64;
const CURSOR = /^d:(\d{1,20}):((?:[0-9a-f]{2}){0,64}):(\d{1,15}):([01])$/;

export class DaemonLogFiles implements OpenLog {
  readonly #path: string;
  readonly #parts: (PlainPart | null)[];

  private constructor(path: string, present: PlainPart | null) {
    this.#path = path;
    this.#parts = [present];
  }

  static async open(path: string): Promise<DaemonLogFiles> {
    return new DaemonLogFiles(path, await PlainPart.open(path, { follow: true }));
  }

  async part(index: number): Promise<PlainPart | null> {
    while (this.#parts.length <= index) {
      const older = await PlainPart.open(`${this.#path}.${this.#parts.length}`, { follow: true });
      this.#parts.push(older);
    }
    return this.#parts[index] ?? null;
  }

  async locate(cursor: string): Promise<LogPlace> {
    const [, inode, head = '', written, skip] = CURSOR.exec(cursor) ?? invalid('cursor is none of this log');
    const offset = Number(written);
    for (let index = 0; ; index++) {
      const part = await this.part(index);
      // it has gone: all that there are came after it
      if (!part) return { part: Math.max(0, index - 1), offset: 0, skipping: false };
      if (String(part.inode) !== inode || (await headOf(part, head.length / 2)) !== head) continue;
      if (offset <= part.bytes) return { part: index, offset, skipping: skip === '1' };
      return { part: index, offset: 0, skipping: false }; // somebody has emptied it
    }
  }

  async cursor({ part: index, offset, skipping }: LogPlace): Promise<string> {
    const part = await this.part(index);
    const head = part ? await headOf(part, HEAD_BYTES) : '';
    return `d:${part?.inode ?? 0}:${head}:${offset}:${skipping ? 1 : 0}`;
  }

  async unchanged(): Promise<boolean> {
    const now = await unlessAbsent(stat(this.#path), null);
    return now?.ino === this.#parts[0]?.inode;
  }

  async close(): Promise<void> {
    for (const part of this.#parts) await part?.close();
  }
}

async function headOf(part: PlainPart, length: number): Promise<string> {
  return (await part.read(0, Math.min(length, part.bytes))).toString('hex');
}
