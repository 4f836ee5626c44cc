/**
 * A log of opaque entries in a folder: segment files, each named by the index of its first entry, appended at the end,
 * read from any entry, given up in whole segments from the front. Damage costs the entries that it hit: the segment is
 * set aside as *.corrupt once the rest of it has been read. Not safe for calls that overlap.
 */
import { basename, join } from 'node:path';
import { codeOf } from '../../../shared/errors/error-code.ts';
import { unlessAbsent } from '../../../shared/platform/files.ts';
import type { LinkLog } from '../session.ts';
import type { Entry, Frame } from './frame.ts';
import { SegmentWriter, type Walk, walkFrames } from './segment-file.ts';
import { type QueueFiles, syncFolder } from './surroundings.ts';

interface Segment {
  readonly first: number;
  /** One more than its last index; of one that has not been read: where the next begins. */
  end: number;
  bytes: number;
  /** Unix ms of the entry with the latest time; null: not read yet. */
  newestMs: number | null;
  /** Set aside at its end. */
  damaged: boolean;
  /** Nothing more is appended to it. */
  sealed: boolean;
}

/** Where an entry lies, so that reading on does not begin at the front again. */
interface Place {
  first: number;
  index: number;
  offset: number;
}

export interface SegmentLogOptions {
  folder: string;
  files: QueueFiles;
  log: LinkLog;
  /** Given at load() what the newest segments hold, taken entries too. */
  onEntry(entry: Entry): void;
}

const SEGMENT = /^(\d{16})\.seg$/;
const SET_ASIDE = /^\d{16}\.corrupt$/;
const SET_ASIDE_KEPT = 3;
/** Read at load(): the end of the newest must be known, and what came last must not come again. */
const SCANNED = 2;
/** Nothing of the file itself: it may be read at another time. */
const PASSING = ['EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR'];

function segmentAt(first: number, end: number, bytes: number): Segment {
  return { first, end, bytes, newestMs: null, damaged: false, sealed: false };
}

export class SegmentLog {
  readonly #options: SegmentLogOptions;
  #segments: Segment[] = [];
  #writer: SegmentWriter | null = null;
  #places: Place[] = [];
  /** False: the folder could not be read, and what lies there is not known. */
  loaded = false;

  constructor(options: SegmentLogOptions) {
    this.#options = options;
  }

  get segments(): number {
    return this.#segments.length;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** One more than the last index; 0 where there is nothing. */
  get end(): number {
    return this.#segments.at(-1)?.end ?? 0;
  }

  /** The first index; 0 where there is nothing. */
  get first(): number {
    return this.#segments[0]?.first ?? 0;
  }

  /** Entries from `head` on, those that a fault has taken counted until it is found. */
  countFrom(head: number): number {
    return this.#segments.reduce((sum, { first, end }) => sum + Math.max(0, end - Math.max(first, head)), 0);
  }

  /** Throws where the folder cannot be read; what lies in it never makes it fail. */
  async load(): Promise<void> {
    const { folder, files, onEntry } = this.#options;
    this.#segments = [];
    const names = await unlessAbsent(files.readdir(folder), []);
    const firsts = names.flatMap((name) => SEGMENT.exec(name)?.[1] ?? []).map(Number);
    firsts.sort((a, b) => a - b);
    for (const [at, first] of firsts.entries()) {
      const { size } = await files.stat(this.#path(first));
      this.#segments.push(segmentAt(first, firsts[at + 1] ?? first, size));
    }
    for (const segment of this.#segments.slice(-SCANNED)) {
      const newest = segment === this.#segments.at(-1);
      const walk = await this.#walk(segment, null, (frame) => {
        onEntry(frame);
        return true;
      });
      if (newest && walk?.tail === 'torn') await this.#cutTail(segment, walk.end);
      else if (walk && walk.tail !== 'nothing') this.#setDamaged(segment);
    }
    for (const segment of this.#segments.filter(({ first, end }) => end <= first)) await this.#remove(segment);
    this.loaded = true;
  }

  /** They follow each other without a gap. On disk afterwards; throws where they are not. */
  async append(entries: readonly Entry[], segmentBytes: number): Promise<void> {
    const [head, last] = [entries[0], entries.at(-1)];
    if (!head || !last) return;
    const latest = this.#segments.at(-1);
    const open = latest && !latest.damaged && !latest.sealed;
    const going = open && latest.end === head.index && latest.bytes < segmentBytes;
    const segment = going ? latest : segmentAt(head.index, head.index, 0);
    try {
      if (!going) await this.#closeWriter();
      this.#writer ??= await this.#openWriter(segment);
      await this.#writer.append(entries);
      if (!going) await syncFolder(this.#options.files, this.#options.folder);
    } catch (error) {
      await this.#closeWriter();
      // nobody knows what the disk has of it: the next attempt begins a new file
      if (going) segment.sealed = true;
      else await this.#unlink(segment);
      throw error;
    }
    if (!going) this.#segments.push(segment);
    segment.bytes = this.#writer.bytes;
    segment.end = last.index + 1;
    segment.newestMs = entries.reduce((newest, { timeMs }) => Math.max(newest, timeMs), segment.newestMs ?? 0);
  }

  /** The first entries from `from` on: as many as the limits allow, one at least. */
  async read(from: number, limits: { entries: number; bytes: number }): Promise<Entry[]> {
    const found: Frame[] = [];
    const places: Place[] = [];
    let [bytes, full] = [0, false];
    for (const segment of [...this.#segments]) {
      if (segment.end <= from) continue;
      const walk = await this.#walk(segment, this.#placeOf(segment, from), (frame) => {
        if (frame.index < from) return true;
        bytes += frame.payload.length;
        full = found.length > 0 && bytes > limits.bytes;
        if (full) return false;
        if (found.length === 0) places.push({ first: segment.first, index: frame.index, offset: frame.start });
        places[1] = { first: segment.first, index: frame.index + 1, offset: frame.end };
        found.push(frame);
        full = found.length >= limits.entries;
        return !full;
      });
      if (walk && walk.tail !== 'nothing') this.#setDamaged(segment);
      if (full) break;
    }
    this.#places = places;
    return found;
  }

  /** Segments of which nothing waits any more. */
  async removeBefore(head: number): Promise<void> {
    for (const segment of [...this.#segments]) if (segment.end <= head) await this.#remove(segment);
  }

  /** Unix ms of the latest entry of the oldest segment; null where there is none. */
  async oldestMs(): Promise<number | null> {
    const oldest = this.#segments[0];
    if (!oldest) return null;
    if (oldest.newestMs === null) await this.#walk(oldest, null, () => true);
    return oldest.newestMs;
  }

  /** Gives up the oldest segment; returns how many of its entries were from `head` on. */
  async dropOldest(head: number): Promise<number> {
    const [oldest] = this.#segments;
    if (!oldest) return 0;
    await this.#remove(oldest);
    return Math.max(0, oldest.end - Math.max(oldest.first, head));
  }

  async close(): Promise<void> {
    await this.#closeWriter();
  }

  #path(first: number): string {
    return join(this.#options.folder, `${String(first).padStart(16, '0')}.seg`);
  }

  #placeOf(segment: Segment, from: number): Place | null {
    return this.#places.findLast(({ first, index }) => first === segment.first && index <= from) ?? null;
  }

  /** Gives its frames in order. A file that cannot be read gives none, and is damaged. Null: not read to its end. */
  async #walk(segment: Segment, place: Place | null, each: (frame: Frame) => boolean): Promise<Walk | null> {
    const next = this.#segments[this.#segments.indexOf(segment) + 1];
    let [end, newestMs] = [place?.index ?? segment.first, 0];
    try {
      const range = { from: place?.offset ?? 0, to: segment.bytes };
      const walk = await walkFrames(this.#options.files, this.#path(segment.first), range, (frame) => {
        // what a failed write left behind came again in the next segment
        if (frame.index < end || (next && frame.index >= next.first)) return true;
        end = frame.index + 1;
        newestMs = Math.max(newestMs, frame.timeMs);
        return each(frame);
      });
      if (walk.damaged) this.#setDamaged(segment);
      if (walk.tail === null) return null;
      segment.end = end;
      if (!place) segment.newestMs = newestMs;
      return walk;
    } catch (error) {
      if (PASSING.includes(codeOf(error))) throw error;
      segment.end = end;
      this.#setDamaged(segment, error);
      return null;
    }
  }

  /** Told once. Nothing is appended to it any more. */
  #setDamaged(segment: Segment, error?: unknown): void {
    if (segment.damaged) return;
    segment.damaged = true;
    const fields = { event: 'queue-damaged', file: this.#path(segment.first), ...(error ? { err: error } : {}) };
    const what = error ? 'cannot be read' : 'is damaged';
    const message = `${this.#path(segment.first)} ${what}: what is whole in it is still sent, then it is set aside`;
    this.#options.log.warn(fields, message);
  }

  async #cutTail(segment: Segment, end: number): Promise<void> {
    const { files, log } = this.#options;
    const path = this.#path(segment.first);
    log.info({ event: 'queue-tail-cut', file: path, bytes: segment.bytes - end }, `${path}: a torn end was cut off`);
    segment.bytes = end;
    try {
      const handle = await files.open(path, 'r+');
      try {
        await handle.truncate(end);
        await handle.datasync();
      } finally {
        await handle.close();
      }
    } catch (err) {
      segment.sealed = true;
      log.debug({ event: 'queue-tail-left', file: path, err }, `${path}: its torn end stays`);
    }
  }

  async #remove(segment: Segment): Promise<void> {
    if (segment === this.#segments.at(-1)) await this.#closeWriter();
    this.#segments = this.#segments.filter((other) => other !== segment);
    if (!segment.damaged || segment.bytes === 0) return this.#unlink(segment);
    const path = this.#path(segment.first);
    try {
      await this.#setAside(path);
    } catch (err) {
      this.#leave(path, err);
    }
  }

  async #unlink({ first }: Segment): Promise<void> {
    const path = this.#path(first);
    try {
      await this.#options.files.unlink(path);
    } catch (err) {
      this.#leave(path, err);
    }
  }

  /** Harmless: what it holds is below the head, and the next opening tries again. */
  #leave(path: string, err: unknown): void {
    if (codeOf(err) !== 'ENOENT')
      this.#options.log.debug({ event: 'queue-file-left', file: path, err }, `${path} stays`);
  }

  async #setAside(path: string): Promise<void> {
    const { folder, files } = this.#options;
    await files.rename(path, path.replace(/\.seg$/, '.corrupt'));
    const kept = (await files.readdir(folder)).filter((name) => SET_ASIDE.test(name)).sort();
    for (const name of kept.slice(0, -SET_ASIDE_KEPT)) await files.unlink(join(folder, basename(name)));
  }

  async #openWriter({ first, bytes }: Segment): Promise<SegmentWriter> {
    const { files } = this.#options;
    return bytes === 0
      ? SegmentWriter.create(files, this.#path(first))
      : SegmentWriter.resume(files, this.#path(first), bytes);
  }

  async #closeWriter(): Promise<void> {
    await this.#writer?.close();
    this.#writer = null;
  }
}
