/**
 * Moves the head of a log into a file of its own while an agent appends to the log through a descriptor that it
 * holds. The log is cut only after the copy is whole, flushed and under a name that says so; cut short anywhere, a
 * second call with `resume` finds out by comparing whether the cut had been made. docs/agent-logs.md has the story.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { MoveHeadInput, MoveHeadOutput } from '../../shared/contracts/pool-tasks.ts';
import { type CutTools, systemTools } from './cut-tools.ts';

const CHUNK_BYTES = 1024 * 1024;
/** Stay in the log when its head is taken out, so that an agent that dies just then still shows its last lines. */
const KEPT_BYTES = 4096;
/** A writer that is faster than this thread for so many reads is not waited for any longer. */
const CATCH_UP_READS = 64;
const { O_RDONLY, O_RDWR, O_NOFOLLOW, O_WRONLY, O_CREAT, O_EXCL } = constants;

function withFile<T>(path: string, flags: number, work: (fd: number) => T): T {
  const fd = openSync(path, flags, 0o600);
  try {
    if (!fstatSync(fd).isFile()) throw new Error(`${path} is not a regular file`);
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

function syncFolderOf(path: string): void {
  const fd = openSync(dirname(path), O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function renameForGood(from: string, to: string): void {
  renameSync(from, to);
  syncFolderOf(to);
}

function writeAll(fd: number, buffer: Buffer, length: number, position: number): void {
  for (let done = 0; done < length; ) done += writeSync(fd, buffer, done, length - done, position + done);
}

/** Copies from `start` to `end` or the end of the file; returns where it stopped. */
function copyRange(from: number, to: number, start: number, end: number, buffer: Buffer): number {
  let at = start;
  while (at < end) {
    const length = readSync(from, buffer, 0, Math.min(buffer.length, end - at), at);
    if (length === 0) break;
    writeAll(to, buffer, length, at);
    at += length;
  }
  return at;
}

/** What can be taken out of the front: whole blocks, leaving something. 0 where there is not enough. */
function removableHead(live: number, atMost = Number.POSITIVE_INFINITY): number {
  const { size, blksize } = fstatSync(live);
  const head = Math.min(atMost, size - KEPT_BYTES);
  return Math.max(0, head - (head % blksize));
}

function makeCopy(live: number, { part, copied }: MoveHeadInput, buffer: Buffer): void {
  try {
    withFile(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, (copy) => {
      const { size, mode } = fstatSync(live);
      fchmodSync(copy, mode & 0o777);
      copyRange(live, copy, 0, removableHead(live) || size, buffer);
      fsyncSync(copy);
    });
    renameForGood(part, copied);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

function startsWith(live: number, copy: number, buffer: Buffer): boolean {
  const { size } = fstatSync(copy);
  if (size === 0 || fstatSync(live).size < size) return false;
  const half = buffer.length / 2;
  const [a, b] = [buffer.subarray(0, half), buffer.subarray(half)];
  for (let at = 0; at < size; ) {
    const wanted = Math.min(half, size - at);
    const length = readSync(copy, a, 0, wanted, at);
    if (length === 0 || readSync(live, b, 0, length, at) !== length) return false;
    if (a.compare(b, 0, length, 0, length) !== 0) return false;
    at += length;
  }
  return true;
}

/** Copies what has come since, then empties the log at once: only what is written in between is lost. */
function truncate(live: number, copy: number, buffer: Buffer): void {
  let at = copyRange(live, copy, fstatSync(copy).size, fstatSync(live).size, buffer);
  fsyncSync(copy); // takes long: so little as possible is left for afterwards
  for (let reads = 0; reads < CATCH_UP_READS; reads++) {
    const length = readSync(live, buffer, 0, buffer.length, at);
    if (length === 0) break;
    writeAll(copy, buffer, length, at);
    at += length;
  }
  ftruncateSync(live, 0);
  fsyncSync(copy);
}

function cut(live: number, copy: number, unlockable: string, buffer: Buffer, tools: CutTools): MoveHeadOutput {
  const copiedBytes = fstatSync(copy).size;
  const head = removableHead(live, copiedBytes);
  let why = unlockable || (head === 0 ? 'the log is too small' : '');
  if (!why) {
    if (head < copiedBytes) {
      ftruncateSync(copy, head); // resumed: what is left out is still in the log
      fsyncSync(copy);
    }
    why = tools.collapse(live, head);
    if (!why) return { bytes: head, cut: 'collapse', why };
  }
  truncate(live, copy, buffer);
  return { bytes: fstatSync(copy).size, cut: 'truncate', why };
}

const alreadyCut = (copy: number): MoveHeadOutput => ({ bytes: fstatSync(copy).size, cut: 'none', why: '' });

function move(input: MoveHeadInput, live: number, tools: CutTools): MoveHeadOutput {
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  const unlockable = tools.lock(live);
  if (!input.resume) makeCopy(live, input, buffer);
  return withFile(input.copied, O_RDWR | O_NOFOLLOW, (copy) => {
    // shorter than its copy: somebody else has emptied it since
    const whole = input.resume ? startsWith(live, copy, buffer) : fstatSync(live).size >= fstatSync(copy).size;
    return whole ? cut(live, copy, unlockable, buffer, tools) : alreadyCut(copy);
  });
}

/**
 * Throws the system's error; the log is then as it was, and the copy either gone or there as `copied`, for a later
 * call with `resume`.
 */
export function moveLogHead(input: MoveHeadInput, tools: CutTools = systemTools): MoveHeadOutput {
  const taken = input.resume && !lstatSync(input.live, { throwIfNoEntry: false })?.isFile();
  const output = taken
    ? withFile(input.copied, O_RDONLY | O_NOFOLLOW, alreadyCut) // the log has gone: the copy is all there is of it
    : withFile(input.live, O_RDWR | O_NOFOLLOW, (live) => move(input, live, tools));
  renameForGood(input.copied, input.archive);
  return output;
}
