/**
 * Unpacks a tar.gz whose one root folder becomes `to`: all of it, flushed, or nothing. An archive that asks for
 * anything but plain files, folders and links that stay inside is refused, never mended. What an archive may ask for
 * is decided in unpack-tree.ts; here it is done, within the limits, on the bytes that really come out.
 */
import { createHash } from 'node:crypto';
import { constants, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import type { TaskContext, UnpackInput, UnpackOutput } from '../../shared/contracts/pool-tasks.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { requireSpace } from './free-space.ts';
import { isSystemError, wholeOrNothing } from './keep-files.ts';
import { TarMeter } from './unpack-meter.ts';
import { ArchiveTree, type EntryHeader } from './unpack-tree.ts';
import { type Content, UnpackWriter } from './unpack-writer.ts';

const READ_BYTES = 256 * 1024;
const SPACE_CHECK_BYTES = 64 * 1024 * 1024;
/** Header and trailer of a gzip file without content (RFC 1952). */
const LEAST_GZIP_BYTES = 18;

/** A header as it really comes, unlike in the library's types: without a type where that is unknown. */
type RawHeader = Omit<Header, 'type' | 'linkname' | 'pax'> & {
  type: string | null;
  linkname: string | null;
  pax?: unknown;
  /** Where in the tar the content starts. */
  byteOffset?: number;
};

/** Throws D4002 (check: archive), D4003. */
export async function unpack(input: UnpackInput, context: TaskContext): Promise<UnpackOutput> {
  try {
    const archive = await open(input.archive, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = await archive.stat();
      if (!stats.isFile()) throw refusal(input, 'it is not a regular file');
      return await wholeOrNothing(input.to, (part) => new Unpacking(input, archive, stats.size, part, context).run());
    } finally {
      await archive.close();
    }
  } catch (error) {
    throw explained(input, error);
  }
}

function refusal({ archive }: UnpackInput, reason: string, cause?: unknown): DaemonError {
  return new DaemonError('D4002', `the archive ${archive} is refused: ${reason}; build it anew (check: archive)`, {
    cause,
  });
}

/** What the disk says is D4003; what zlib and the reader of tar say is about the archive. */
function explained(input: UnpackInput, error: unknown): unknown {
  if (error instanceof DaemonError) return error;
  if (isSystemError(error)) {
    const hint = `look at the file system of ${dirname(input.to)} and try again`;
    const text = `the archive ${input.archive} could not be unpacked to ${input.to}; ${hint}`;
    return new DaemonError('D4003', text, { cause: error, retryable: error.code === 'ENOSPC' });
  }
  // a fault of the code, which has a class of its own, is not blamed on the archive
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return error;
  return refusal(input, 'it is damaged, cut short or no tar.gz', error);
}

class Unpacking {
  readonly #input: UnpackInput;
  readonly #archive: FileHandle;
  readonly #archiveBytes: number;
  readonly #progress: TaskContext['progress'];
  readonly #tree: ArchiveTree;
  readonly #meter: TarMeter;
  readonly #writer: UnpackWriter;
  #sinceSpaceCheck = 0;
  /** Of the last entry: where in the tar its content starts and how long it is. */
  #last = { start: 0, bytes: 0 };

  constructor(input: UnpackInput, archive: FileHandle, archiveBytes: number, part: string, context: TaskContext) {
    this.#input = input;
    this.#archive = archive;
    this.#archiveBytes = archiveBytes;
    this.#progress = context.progress;
    this.#tree = new ArchiveTree(input.limits);
    this.#meter = new TarMeter(input.limits);
    this.#writer = new UnpackWriter(part, (bytes) => this.#beforeWriting(bytes));
  }

  async run(): Promise<UnpackOutput> {
    await this.#requireSpace(this.#claimedBytes());
    await this.#readAll();
    const end = this.#tree.finish();
    if ('reason' in end) throw this.#refusal(end.reason);
    this.#writer.finish(end.symlinks);
    return { root: this.#tree.root, files: this.#writer.files, bytes: this.#writer.bytes };
  }

  /** What the archive says that it holds (RFC 1952, ISIZE): only a hint, modulo 2^32 and anybody's to set. */
  #claimedBytes(): number {
    if (this.#archiveBytes < LEAST_GZIP_BYTES) return 0;
    const size = Buffer.alloc(4);
    readSync(this.#archive.fd, size, 0, size.length, this.#archiveBytes - size.length);
    return Math.min(size.readUInt32LE(), this.#input.limits.maxBytes);
  }

  #requireSpace(bytes: number): Promise<void> {
    const { to, archive, reserveBytes } = this.#input;
    return requireSpace(dirname(to), bytes, reserveBytes, `the content of ${archive}`);
  }

  async #readAll(): Promise<void> {
    const source = this.#archive.createReadStream({ start: 0, highWaterMark: READ_BYTES, autoClose: false });
    const gunzip = createGunzip({ chunkSize: READ_BYTES });
    const tar = extract();
    const hash = createHash('sha256');
    const hashed = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    };
    const fed = pipeline(source, hashed, gunzip, (chunks: AsyncIterable<Buffer>) => this.#metered(chunks, gunzip), tar);
    // both have come to their end before anything is closed or removed
    const ends = await Promise.allSettled([this.#takeAll(tar), fed]);
    const failures = ends.flatMap((end): unknown[] => (end.status === 'rejected' ? [end.reason] : []));
    // gunzip that is done before the file is read to its end may abort the reading, which says nothing by itself
    const failure = failures.find((error) => !(error instanceof Error && error.name === 'AbortError'));
    if (failure !== undefined) throw failure;
    if (gunzip.bytesWritten !== this.#archiveBytes) throw this.#refusal('something follows the end of its gzip data');
    if (failures.length > 0) throw failures[0];
    const { archive, sha256 } = this.#input;
    if (sha256 !== '' && hash.digest('hex') !== sha256) {
      const why = `the archive ${archive} is no longer the one that was verified: somebody can write to its folder`;
      throw new DaemonError('D4002', `${why} (check: hash)`);
    }
    if (this.#tree.root !== '' && !this.#meter.endsAfter(this.#last.start, this.#last.bytes))
      throw this.#refusal('its end is missing, or something follows it');
  }

  async #takeAll(entries: AsyncIterable<Content & { header: RawHeader }>): Promise<void> {
    for await (const entry of entries) await this.#take(entry.header, entry);
  }

  async *#metered(chunks: AsyncIterable<Buffer>, gunzip: { bytesWritten: number }): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      if (!this.#meter.take(chunk)) {
        const { maxBytes, maxFiles } = this.#input.limits;
        throw this.#refusal(`it unpacks to more than ${maxBytes} bytes in ${maxFiles} files can need`);
      }
      this.#progress({ done: gunzip.bytesWritten, total: this.#archiveBytes });
      yield chunk;
    }
  }

  async #take(raw: RawHeader, content: Content): Promise<void> {
    const header = asHeader(raw);
    const step = this.#tree.take(header);
    if (step.act === 'refuse') throw this.#refusal(step.reason);
    this.#last = { start: raw.byteOffset ?? 0, bytes: header.size };
    await this.#writer.make(step, content);
  }

  /** The disk is asked again now and then, since what the archive says of its size is not to be relied on. */
  async #beforeWriting(bytes: number): Promise<void> {
    this.#sinceSpaceCheck += bytes;
    if (this.#sinceSpaceCheck < SPACE_CHECK_BYTES) return;
    this.#sinceSpaceCheck = 0;
    await this.#requireSpace(bytes);
  }

  #refusal(reason: string): DaemonError {
    return refusal(this.#input, reason);
  }
}

function asHeader({ name, type, mode, size, mtime, linkname, pax }: RawHeader): EntryHeader {
  const records = typeof pax === 'object' && pax !== null ? Object.keys(pax) : [];
  return { name, type: type ?? 'unknown', mode, size, mtime, linkName: linkname ?? '', records };
}
