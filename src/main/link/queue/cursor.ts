/**
 * How far a log has been taken, as it lies in a cursor file: two slots, of which the whole one with the higher number
 * holds. A slot: mark (2 bytes), number of the write (6), head, once, twice (6 each), CRC-32 of all that (4).
 * Big-endian. Pure.
 */
import { crc32 } from 'node:zlib';

/** Indices of entries. What is below `twice` has been sent twice, what is below `once` once, with no answer yet. */
export interface Marks {
  /** The first entry that still waits. */
  readonly head: number;
  readonly once: number;
  readonly twice: number;
}

export interface Slot {
  readonly number: number;
  readonly marks: Marks;
}

const MARK = 0xfd51;
const CRC_AT = 26;
const SLOT_BYTES = 30;
/** A sector each: one that is torn leaves the other. */
export const SLOT_SPACING = 512;
export const CURSOR_BYTES = 2 * SLOT_SPACING;

export function encodeSlot({ number, marks }: Slot): Buffer {
  const bytes = Buffer.alloc(SLOT_BYTES);
  bytes.writeUInt16BE(MARK);
  bytes.writeUIntBE(number, 2, 6);
  bytes.writeUIntBE(marks.head, 8, 6);
  bytes.writeUIntBE(marks.once, 14, 6);
  bytes.writeUIntBE(marks.twice, 20, 6);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, CRC_AT)), CRC_AT);
  return bytes;
}

function decodeSlot(bytes: Buffer): Slot | null {
  if (bytes.length < SLOT_BYTES || bytes.readUInt16BE() !== MARK) return null;
  if (crc32(bytes.subarray(0, CRC_AT)) !== bytes.readUInt32BE(CRC_AT)) return null;
  const marks = { head: bytes.readUIntBE(8, 6), once: bytes.readUIntBE(14, 6), twice: bytes.readUIntBE(20, 6) };
  return { number: bytes.readUIntBE(2, 6), marks };
}

/** The slot that holds and its place; null where neither is whole. */
export function decodeCursor(bytes: Buffer): (Slot & { place: 0 | 1 }) | null {
  const first = decodeSlot(bytes.subarray(0, SLOT_SPACING));
  const second = decodeSlot(bytes.subarray(SLOT_SPACING));
  if (second && (!first || second.number > first.number)) return { ...second, place: 1 };
  return first && { ...first, place: 0 };
}

/** None is below the head. */
export function inOrder({ head, once, twice }: Marks): Marks {
  return { head, once: Math.max(head, once), twice: Math.max(head, twice) };
}

/**
 * What holds when a log is opened, and the index of the next entry: none that the marks speak of already. Null: there
 * are no marks, and everything in the log waits.
 */
export function marksAtOpening(
  found: Marks | null,
  log: { first: number; end: number },
): { marks: Marks; next: number } {
  const marks = inOrder(found ?? { head: Math.max(1, log.first), once: 0, twice: 0 });
  return { marks, next: Math.max(marks.once, log.end) };
}
