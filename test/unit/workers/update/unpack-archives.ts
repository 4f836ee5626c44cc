/** Archives for the tests of unpacking, entry by entry, so that any of them can be as wrong as is wanted. */
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';

export interface Entry extends Partial<Omit<Header, 'size'>> {
  name: string;
  content?: string | Buffer;
  /** Last change to the entry's own header, before its checksum is made anew. */
  patch?: (header: Buffer) => void;
}

export const MTIME = new Date(1_700_000_000_000);
const BLOCK_BYTES = 512;
export const END = Buffer.alloc(2 * BLOCK_BYTES);

function checksum(header: Buffer): void {
  header.write('        ', 148, 'latin1');
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

/** One entry as bytes of a tar, its extended headers included. */
export async function tarEntry({ content = '', patch, ...header }: Entry): Promise<Buffer> {
  const packing = pack();
  const data = Buffer.from(content);
  packing.entry({ mtime: MTIME, type: 'file', ...header }, data.length === 0 ? '' : data);
  packing.finalize();
  const whole = await buffer(packing);
  const bytes = whole.subarray(0, whole.length - END.length);
  if (patch) {
    const own = bytes.length - BLOCK_BYTES - Math.ceil(data.length / BLOCK_BYTES) * BLOCK_BYTES;
    const block = bytes.subarray(own, own + BLOCK_BYTES);
    patch(block);
    checksum(block);
  }
  return bytes;
}

export async function tar(entries: readonly Entry[]): Promise<Buffer> {
  return Buffer.concat([...(await Promise.all(entries.map(tarEntry))), END]);
}

export async function tarGz(entries: readonly Entry[]): Promise<Buffer> {
  return gzipSync(await tar(entries));
}

/** A header's size field says so many bytes. */
export function claimSize(bytes: number): (header: Buffer) => void {
  return (header) => header.write(`${bytes.toString(8).padStart(11, '0')} `, 124, 'latin1');
}

export function typeFlag(flag: string): (header: Buffer) => void {
  return (header) => header.write(flag, 156, 'latin1');
}
