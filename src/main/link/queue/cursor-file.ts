/**
 * The cursor on disk. A write goes to the slot that is not the last one known to be on disk, until it is on disk itself:
 * whatever tears a write, one slot holds. Errors of the system pass through; the next write begins anew.
 */
import { dirname } from 'node:path';
import { unlessAbsent } from '../../../shared/platform/files.ts';
import { CURSOR_BYTES, decodeCursor, encodeSlot, type Marks, SLOT_SPACING } from './cursor.ts';
import { type QueueFiles, type QueueHandle, syncFolder } from './surroundings.ts';

async function writeWhole(handle: QueueHandle, bytes: Buffer, position: number): Promise<void> {
  const { bytesWritten } = await handle.write(bytes, 0, bytes.length, position);
  if (bytesWritten < bytes.length) throw new Error(`${bytesWritten} of ${bytes.length} bytes were written`);
}

export class CursorFile {
  readonly #path: string;
  readonly #files: QueueFiles;
  #handle: QueueHandle | null = null;
  #number = 0;
  #place: 0 | 1 = 0;
  /** Something is written that may not be on disk. */
  #loose = false;

  constructor(path: string, files: QueueFiles) {
    this.#path = path;
    this.#files = files;
  }

  /** `absent`: there was none; `damaged`: no slot of it is whole. */
  async load(): Promise<Marks | 'absent' | 'damaged'> {
    const handle = await unlessAbsent(this.#files.open(this.#path, 'r'), null);
    if (!handle) return 'absent';
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(CURSOR_BYTES), 0, CURSOR_BYTES, 0);
      const slot = decodeCursor(buffer.subarray(0, bytesRead));
      if (!slot) return buffer.every((byte) => byte === 0) ? 'absent' : 'damaged';
      this.#number = slot.number;
      this.#place = slot.place === 0 ? 1 : 0;
      this.#loose = true; // a process that was killed may have left it so
      return slot.marks;
    } finally {
      await handle.close();
    }
  }

  /** `sync`: on disk afterwards, whatever happens to the power. */
  async write(marks: Marks, sync: boolean): Promise<void> {
    try {
      await this.#write(marks, sync);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async #write(marks: Marks, sync: boolean): Promise<void> {
    const slot = encodeSlot({ number: ++this.#number, marks });
    const handle = this.#handle ?? (await this.#open());
    if (!handle) return this.#create(slot);
    await writeWhole(handle, slot, this.#place * SLOT_SPACING);
    this.#loose = true;
    if (sync) await this.sync();
  }

  async sync(): Promise<void> {
    if (!this.#loose || !this.#handle) return;
    await this.#handle.datasync();
    this.#loose = false;
    this.#place = this.#place === 0 ? 1 : 0;
  }

  /** What is written may not be on disk. */
  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    try {
      await handle?.close();
    } catch {
      // the descriptor is gone either way, and what mattered was synced before
    }
  }

  async #open(): Promise<QueueHandle | null> {
    this.#handle = await unlessAbsent(this.#files.open(this.#path, 'r+'), null);
    if (!this.#handle) return null;
    if (this.#loose) await this.#handle.datasync(); // the other slot, before this one is touched
    return this.#handle;
  }

  async #create(slot: Buffer): Promise<void> {
    this.#handle = await this.#files.open(this.#path, 'w', 0o640);
    const bytes = Buffer.alloc(CURSOR_BYTES);
    slot.copy(bytes);
    this.#place = 1;
    await writeWhole(this.#handle, bytes, 0);
    await this.#handle.datasync();
    await syncFolder(this.#files, dirname(this.#path));
    this.#loose = false;
  }
}
