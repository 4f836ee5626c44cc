/** CRC-32 as gzip and Ethernet have it (reflected, polynomial 0xEDB88320). Pure. node:zlib has it from Node 22 on. */
const POLYNOMIAL = 0xedb88320;

/** A constant that is made at the first use: a daemon whose Manager always answers never needs it. */
let table: Int32Array | null = null;

function makeTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
    return value;
  });
}

/** Unsigned. `before` is the sum of the bytes that come before these. */
export function crc32(bytes: Uint8Array, before = 0): number {
  table ??= makeTable();
  let sum = ~before;
  for (let i = 0; i < bytes.length; i++) {
    // both indices are within bounds: `?? 0` is for the type alone
    sum = (sum >>> 8) ^ (table[(sum ^ (bytes[i] ?? 0)) & 0xff] ?? 0);
  }
  return ~sum >>> 0;
}
