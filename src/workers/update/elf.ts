/**
 * The machine that an ELF file is built for, in Node's own words (`process.arch`). Pure. It looks at the first 20
 * bytes only, so it says nothing of whether the file would run: a first run of it does.
 */

/** ELF header (System V ABI, elf(5)): the bytes that are read here. */
const MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);
const CLASS_AT = 4;
const DATA_AT = 5;
const MACHINE_AT = 18;
const HEAD_BYTES = 20;

type Bits = 32 | 64;
type Endian = 'little' | 'big';

const BITS: Record<number, Bits> = { 1: 32, 2: 64 };
const ENDIAN: Record<number, Endian> = { 1: 'little', 2: 'big' };

/** e_machine → what Node calls it, and the forms of it that Node is built for. */
const MACHINES: Record<number, { arch: string; bits: Bits; endian: readonly Endian[] }> = {
  3: { arch: 'ia32', bits: 32, endian: ['little'] },
  21: { arch: 'ppc64', bits: 64, endian: ['little', 'big'] },
  22: { arch: 's390x', bits: 64, endian: ['big'] },
  40: { arch: 'arm', bits: 32, endian: ['little'] },
  62: { arch: 'x64', bits: 64, endian: ['little'] },
  183: { arch: 'arm64', bits: 64, endian: ['little'] },
  243: { arch: 'riscv64', bits: 64, endian: ['little'] },
};

export function isElf(head: Buffer): boolean {
  return head.subarray(0, MAGIC.length).equals(MAGIC);
}

/** Null where it is a machine, or a form of one, that Node has no name for (x32, a big-endian arm64). */
export function elfArch(head: Buffer): string | null {
  if (!isElf(head) || head.length < HEAD_BYTES) return null;
  const bits = BITS[head.readUInt8(CLASS_AT)];
  const endian = ENDIAN[head.readUInt8(DATA_AT)];
  if (!endian) return null;
  const machine = MACHINES[endian === 'big' ? head.readUInt16BE(MACHINE_AT) : head.readUInt16LE(MACHINE_AT)];
  return machine && machine.bits === bits && machine.endian.includes(endian) ? machine.arch : null;
}
