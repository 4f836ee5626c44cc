/**
 * Lines of a log, without reading more of it than they need: the last ones, or what came since. Bytes that are no UTF-8
 * become replacement characters, a line is cut at 64 KiB, an answer stays below 1 MiB.
 */
import type { LogLines } from '../../shared/contracts/control.ts';
import type { LogPlace, LogPosition, OpenLog } from './log-parts.ts';

const MAX_LINE_BYTES = 64 * 1024;
/** Of an answer as JSON, less what stands around the lines. */
const MAX_ANSWER_BYTES = 1024 * 1024 - 1024;
const MAX_LINES = 10_000;
const LF = 0x0a;

/** The last lines, one that has no end yet among them. */
export async function lastLines(log: OpenLog, count: number): Promise<LogLines> {
  const start = await backwards(log, count);
  const found = await forwards(log, start, { toTheEnd: true });
  const lines = found.lines.slice(-count);
  let bytes = lines.reduce((sum, line) => sum + bytesInJson(line), 0);
  while (bytes > MAX_ANSWER_BYTES) bytes -= bytesInJson(lines.shift() ?? '');
  return { lines, cursor: await log.cursor(found.end), more: false };
}

/** Whole lines that came since. */
export async function linesSince(log: OpenLog, cursor: string): Promise<LogLines> {
  const { lines, end, more } = await forwards(log, await log.locate(cursor), { toTheEnd: false });
  return { lines, cursor: await log.cursor(end), more };
}

function bytesInJson(line: string): number {
  return Buffer.byteLength(JSON.stringify(line)) + 1;
}

/** Where the last lines begin, or, where they are too long, some later place. */
async function backwards(log: OpenLog, count: number): Promise<LogPlace> {
  let left = MAX_ANSWER_BYTES + MAX_LINE_BYTES;
  let breaks = 0;
  let atEnd = true;
  let oldest: LogPosition = { part: 0, offset: 0 };
  for (let index = 0; ; index++) {
    const part = await log.part(index);
    if (!part) return { ...oldest, skipping: false };
    for (let end = part.bytes; end > 0; ) {
      const from = Math.max(0, end - Math.min(part.blockBytes, left));
      const block = await part.read(from, end - from);
      for (let at = block.lastIndexOf(LF); at >= 0; at = at === 0 ? -1 : block.lastIndexOf(LF, at - 1)) {
        // the break at the very end ends the last line and begins none
        const ends = atEnd && at === block.length - 1;
        atEnd = false;
        if (!ends && ++breaks === count) return { part: index, offset: from + at + 1, skipping: false };
      }
      if (block.length > 0) atEnd = false;
      left -= end - from;
      end = from;
      if (left <= 0) return { part: index, offset: from, skipping: true };
    }
    oldest = { part: index, offset: 0 };
  }
}

interface Found {
  lines: string[];
  end: LogPlace;
  more: boolean;
}

/** `toTheEnd`: all that there is, a line without an end too. */
async function forwards(log: OpenLog, start: LogPlace, { toTheEnd }: { toTheEnd: boolean }): Promise<Found> {
  const lines: string[] = [];
  let bytes = 0;
  let { skipping } = start;
  let pending = Buffer.alloc(0);
  let pendingFrom: LogPosition = start;
  /** False where it has no room any more. */
  const take = (line: Buffer): boolean => {
    const shown = line.toString('utf8', 0, lengthOfCharacters(line, MAX_LINE_BYTES));
    const length = bytesInJson(shown);
    if (!toTheEnd && lines.length > 0 && (bytes + length > MAX_ANSWER_BYTES || lines.length >= MAX_LINES)) return false;
    lines.push(shown);
    bytes += length;
    return true;
  };
  let at: LogPosition = start;
  for (;;) {
    const part = await log.part(at.part);
    const block =
      part && at.offset < part.bytes
        ? await part.read(at.offset, Math.min(part.blockBytes, part.bytes - at.offset))
        : null;
    if (!block || block.length === 0) {
      if (at.part === 0) break;
      at = { part: at.part - 1, offset: 0 };
      if (pending.length === 0) pendingFrom = at;
      continue;
    }
    for (let from = 0; from < block.length; ) {
      const end = block.indexOf(LF, from);
      const piece = block.subarray(from, end < 0 ? block.length : end);
      const next = { part: at.part, offset: at.offset + (end < 0 ? block.length : end + 1) };
      if (!skipping) {
        const line = pending.length === 0 ? piece : Buffer.concat([pending, piece]);
        const tooLong = line.length > MAX_LINE_BYTES;
        if ((end >= 0 || tooLong) && !take(line)) return { lines, end: { ...pendingFrom, skipping }, more: true };
        skipping = tooLong;
        pending = end < 0 && !tooLong ? Buffer.from(line) : Buffer.alloc(0);
      }
      if (end >= 0) skipping = false;
      if (pending.length === 0) pendingFrom = next;
      from = end < 0 ? block.length : end + 1;
    }
    at = { part: at.part, offset: at.offset + block.length };
  }
  if (toTheEnd && pending.length > 0) {
    take(pending);
    pendingFrom = at;
  }
  return { lines, end: { ...pendingFrom, skipping }, more: false };
}

/** At most `max`, and no part of a character at the end. */
function lengthOfCharacters(bytes: Buffer, max: number): number {
  if (bytes.length <= max) return bytes.length;
  let end = max;
  while (end > max - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return end;
}
