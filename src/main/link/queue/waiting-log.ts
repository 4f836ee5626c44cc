/**
 * Entries that wait, in order: for a second in memory, then on disk. What leaves before that second is over touches no
 * disk at all. Where the disk cannot be written, the newest stay in memory and the oldest of those are given up. Knows
 * nothing of what an entry is. Nothing here rejects or throws but read().
 */
import { join } from 'node:path';
import { Turns } from '../../../shared/lifecycle/turns.ts';
import { type Limits, type LossReason, segmentBytes, trim } from './bounds.ts';
import { inOrder, type Marks, marksAtOpening } from './cursor.ts';
import { CursorFile } from './cursor-file.ts';
import { DiskTrouble } from './disk-trouble.ts';
import type { Entry } from './frame.ts';
import { SegmentLog } from './segment-log.ts';
import { type Surroundings, systemFiles } from './surroundings.ts';
import { contiguous, Unwritten } from './unwritten.ts';

export interface WaitingLogOptions extends Surroundings {
  /** For the log: `reports`. */
  what: string;
  memoryBytes: number;
  /** An index stays with its entry: giving up entries leaves a gap. Else those behind close up. */
  fixedIndices: boolean;
  /** Asked after each write. */
  limits(): Limits;
  /** Entries that were given up. */
  onLost(reason: LossReason, count: number): void;
  /** What the newest segments held at the opening, also what was taken. */
  onEntry(entry: Entry): void;
}

/** Less than the second that may be lost, by what a write takes. */
const WRITE_AFTER_MS = 900;
const CHUNK = { entries: 512, bytes: 128 * 1024 };
/** A timer may be early by this much: such an entry is due. */
const EARLY_MS = 30;

export class WaitingLog {
  readonly #options: WaitingLogOptions;
  readonly #cursor: CursorFile;
  readonly #disk: SegmentLog;
  readonly #trouble: DiskTrouble;
  #marks: Marks = { head: 1, once: 1, twice: 1 };
  /** The cursor on disk is not as `#marks`. */
  #marksDirty = true;
  #next = 1;
  readonly #unwritten: Unwritten;
  #folderMade = false;
  #flushing = false;
  #closed = false;
  #cancelTimer: (() => void) | null = null;
  readonly #turns = new Turns();

  private constructor(options: WaitingLogOptions) {
    const { folder, files = systemFiles, log, what, onEntry, memoryBytes, fixedIndices } = options;
    this.#options = options;
    this.#unwritten = new Unwritten(memoryBytes, !fixedIndices);
    this.#cursor = new CursorFile(join(folder, 'cursor'), files);
    this.#disk = new SegmentLog({ folder, files, log, onEntry });
    this.#trouble = new DiskTrouble(what, folder, log);
  }

  static async open(options: WaitingLogOptions): Promise<WaitingLog> {
    const log = new WaitingLog(options);
    try {
      await log.#load();
    } catch (error) {
      log.#trouble.failed(error, true);
    }
    return log;
  }

  get marks(): Marks {
    return this.#marks;
  }

  /** The index of the next entry that is added. */
  get next(): number {
    return this.#next;
  }

  get waitingOnDisk(): number {
    return this.#disk.countFrom(this.#marks.head);
  }

  get waiting(): number {
    return this.waitingOnDisk + this.#unwritten.length;
  }

  /** Encoded, in memory and on disk; of a segment that is taken in part, all of it. */
  get bytes(): number {
    return this.#disk.bytes + this.#unwritten.bytes;
  }

  get memoryBytes(): number {
    return this.#unwritten.memoryBytes;
  }

  /** Returns its index. */
  add(payload: Buffer, timeMs: number): number {
    const index = this.#next++;
    this.#unwritten.add({ index, timeMs, payload, addedMs: this.#options.clock.nowMs() });
    this.#keepInBounds();
    if (this.#unwritten.bytes > CHUNK.bytes && this.#trouble.waitMs === 0) void this.flush();
    else this.#arm();
    return index;
  }

  /** Unix ms: what is older is given up. */
  get oldestMs(): number {
    return this.#options.limits().oldestMs;
  }

  /**
   * The oldest that wait, one at least where there is one. They stay until the next mark() or release(). Rejects where
   * the disk cannot be read just now.
   */
  read(limits: { entries: number; bytes: number }): Promise<Entry[]> {
    return this.#turns.take(async () => {
      const { head } = this.#marks;
      const found = this.#disk.segments === 0 ? [] : await this.#disk.read(head, limits);
      await this.#disk.removeBefore(head); // where a fault took all the rest of a segment
      found.push(...this.#unwritten.upTo(limits, found));
      this.#hold(found);
      return found;
    });
  }

  release(): void {
    this.#hold([]);
  }

  /** How many bytes a reading may take. */
  get room(): number {
    return this.#unwritten.room;
  }

  /**
   * Moves the marks; of what was read, `hold` is what stays. Touches the disk only where something is on it. `sync`: on
   * disk before anything else goes on.
   */
  mark(change: (marks: Marks) => Marks, sync: boolean, hold: readonly Entry[] = []): Promise<void> {
    return this.#turns.take(async () => {
      this.#hold(hold);
      this.#marks = inOrder(change(this.#marks));
      const { head } = this.#marks;
      this.#marksDirty = true;
      this.#forget(head);
      if (this.#disk.segments === 0) return;
      try {
        await this.#writeMarks(sync || this.#disk.end <= head);
        if (this.#unwritten.length === 0) this.#trouble.worked();
      } catch (error) {
        this.#failed(error, false);
      }
      await this.#disk.removeBefore(head);
      await this.#trim();
      if (this.#closed) await this.#cursor.close();
    });
  }

  /** Everything that it can be is on disk afterwards. */
  flush(): Promise<void> {
    if (this.#flushing) return this.#turns.take(async () => {});
    this.#flushing = true;
    return this.#turns.take(async () => {
      this.#flushing = false;
      try {
        await this.#writeOut();
      } catch (error) {
        this.#failed(error, true);
      }
      this.#arm();
    });
  }

  /** What was not taken is on disk afterwards, where the disk can be written. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    await this.flush();
    await this.#turns.take(async () => {
      try {
        if (this.#disk.segments > 0) await this.#writeMarks(true);
      } catch (error) {
        this.#failed(error, false);
      }
      await this.#cursor.close();
      await this.#disk.close();
    });
    const [{ log, what }, count] = [this.#options, this.#unwritten.length];
    if (count > 0) log.error({ event: 'queue-lost-at-end', count }, `${count} ${what} could not be kept and are lost`);
  }

  #hold(entries: readonly Entry[]): void {
    this.#unwritten.hold(entries);
    this.#keepInBounds();
  }

  #keepInBounds(): void {
    const { fixedIndices, onLost } = this.#options;
    const { from, count } = this.#unwritten.keepInBounds();
    if (count === 0) return;
    onLost('room', count);
    if (fixedIndices) return;
    this.#next -= count;
    const { once } = this.#marks;
    this.#marks = { ...this.#marks, once: once > from ? Math.max(from, once - count) : once };
  }

  /** What is in memory and waits no more. */
  #forget(head: number): void {
    this.#unwritten.removeBefore(head);
    if (this.#unwritten.length > 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  /** For when the oldest has waited its second; while the disk fails, for the next attempt. */
  #arm(): void {
    const { oldest } = this.#unwritten;
    if (this.#cancelTimer || this.#closed || !oldest) return;
    const { after, clock, what } = this.#options;
    const dueMs = oldest.addedMs + WRITE_AFTER_MS - clock.nowMs();
    this.#cancelTimer = after(this.#trouble.waitMs || Math.max(0, dueMs), `keep ${what}`, () => {
      this.#cancelTimer = null;
      const { addedMs = clock.nowMs() } = this.#unwritten.oldest ?? {};
      if (this.#trouble.waitMs > 0 || addedMs + WRITE_AFTER_MS <= clock.nowMs() + EARLY_MS) void this.flush();
      else this.#arm(); // the one that it was for has left
    });
  }

  #failed(error: unknown, attempt: boolean): void {
    this.#trouble.failed(error, attempt);
    this.#folderMade = false;
    this.#marksDirty = true;
  }

  async #writeMarks(sync: boolean): Promise<void> {
    await this.#cursor.write(this.#marks, sync);
    this.#marksDirty = false;
  }

  /** Everything unwritten, in pieces. */
  async #writeOut(): Promise<void> {
    if (this.#unwritten.length === 0) return;
    const { folder, files = systemFiles, limits } = this.#options;
    if (!this.#disk.loaded) await this.#load();
    if (!this.#folderMade) await files.mkdir(folder, { recursive: true, mode: 0o750 });
    this.#folderMade = true;
    while (this.#unwritten.length > 0) {
      // first what is being sent: an entry that comes to the disk without that would be sent too often after a crash
      if (this.#marksDirty) await this.#writeMarks(true);
      const chunk = contiguous(this.#unwritten.upTo(CHUNK));
      const end = (chunk.at(-1)?.index ?? 0) + 1;
      this.#unwritten.writingTo = end;
      try {
        await this.#disk.append(chunk, segmentBytes(limits()));
      } finally {
        this.#unwritten.writingTo = 0;
      }
      this.#forget(end);
    }
    this.#trouble.worked();
    await this.#trim();
  }

  /** Not while something is being sent, which is the oldest. */
  async #trim(): Promise<void> {
    if (this.#unwritten.holds) return;
    const { limits, onLost } = this.#options;
    try {
      await trim(this.#disk, this.#marks.head, limits(), onLost);
    } catch (err) {
      this.#options.log.debug({ event: 'queue-not-trimmed', err }, 'looked through again after the next write');
    }
  }

  /** Throws where the folder cannot be read; then nothing is written to it before it can. */
  async #load(): Promise<void> {
    if (this.#unwritten.holds) throw new Error('what is being sent has to be answered first');
    const { folder, log, onLost } = this.#options;
    const found = await this.#cursor.load();
    if (found === 'damaged') {
      const file = join(folder, 'cursor');
      log.warn({ event: 'queue-damaged', file }, `${file} is damaged: what was taken last may be sent again`);
    }
    await this.#disk.load();
    const { marks, next } = marksAtOpening(typeof found === 'object' ? found : null, this.#disk);
    // what was sent once already cannot stand behind what was not
    const before = this.#unwritten.length;
    this.#forget(this.#marks.once);
    if (before > this.#unwritten.length) onLost('room', before - this.#unwritten.length);
    this.#marks = marks;
    this.#marksDirty = typeof found !== 'object';
    this.#unwritten.renumber(next);
    this.#next = next + this.#unwritten.length;
    await this.#disk.removeBefore(marks.head);
  }
}
