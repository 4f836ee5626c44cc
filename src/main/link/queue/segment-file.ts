/**
 * One file of a log: frames one after another, appended and read from any frame's begin in pieces of 64 KiB. What was
 * not appended whole is cut off again. Errors of the system pass through.
 */
import { type Entry, type Frame, FrameParser, frameHeader } from './frame.ts';
import type { QueueFiles, QueueHandle } from './surroundings.ts';

const PIECE_BYTES = 64 * 1024;
const MODE = 0o640;

export interface Walk {
  /** Offset after the last whole frame that was read. */
  end: number;
  /** Something else lies between two frames. */
  damaged: boolean;
  /** Read to the end of the range: what lies behind the last whole frame. Else null. */
  tail: FrameParser['tail'] | null;
}

/** Gives the frames that begin at `from` and later, until `each` returns false or `to` is reached. */
export async function walkFrames(
  files: QueueFiles,
  path: string,
  { from, to }: { from: number; to: number },
  each: (frame: Frame) => boolean,
): Promise<Walk> {
  const parser = new FrameParser(from);
  const handle = await files.open(path, 'r');
  try {
    let at = from;
    let more = at < to;
    while (more) {
      const wanted = Math.min(PIECE_BYTES, to - at);
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted, at);
      at += bytesRead;
      more = at < to && bytesRead > 0;
      for (const frame of parser.push(buffer.subarray(0, bytesRead), !more))
        if (!each(frame)) return { end: frame.end, damaged: parser.damaged, tail: null };
    }
    return parser;
  } finally {
    await handle.close();
  }
}

/** The end of a segment file that is written to. */
export class SegmentWriter {
  readonly #handle: QueueHandle;
  bytes: number;

  private constructor(handle: QueueHandle, bytes: number) {
    this.#handle = handle;
    this.bytes = bytes;
  }

  static async create(files: QueueFiles, path: string): Promise<SegmentWriter> {
    return new SegmentWriter(await files.open(path, 'w', MODE), 0);
  }

  /** `bytes`: of whole frames, which is all that the file holds. */
  static async resume(files: QueueFiles, path: string, bytes: number): Promise<SegmentWriter> {
    return new SegmentWriter(await files.open(path, 'r+'), bytes);
  }

  /** They are on disk afterwards, or the file is as before as far as the disk allows. */
  async append(entries: readonly Entry[]): Promise<void> {
    const parts = entries.flatMap((entry) => [frameHeader(entry), entry.payload]);
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    try {
      const { bytesWritten } = await this.#handle.writev(parts, this.bytes);
      if (bytesWritten < length) throw new Error(`${bytesWritten} of ${length} bytes were written: is the disk full?`);
      await this.#handle.datasync();
    } catch (error) {
      try {
        await this.#handle.truncate(this.bytes);
      } catch {
        // stays as a torn tail, which the next opening finds
      }
      throw error;
    }
    this.bytes += length;
  }

  async close(): Promise<void> {
    try {
      await this.#handle.close();
    } catch {
      // every append was synced before; nothing hangs on this
    }
  }
}
