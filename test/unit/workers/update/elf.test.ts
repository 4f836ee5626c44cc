import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { elfArch, isElf } from '../../../../src/workers/update/elf.ts';

function elf(machine: number, bits: 1 | 2 | 3, data: 1 | 2 | 3): Buffer {
  const head = Buffer.alloc(64);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, bits, data, 1]).copy(head);
  if (data === 2) head.writeUInt16BE(machine, 18);
  else head.writeUInt16LE(machine, 18);
  return head;
}

test.each([
  ['x64', 62, 2, 1],
  ['arm64', 183, 2, 1],
  ['ia32', 3, 1, 1],
  ['arm', 40, 1, 1],
  ['riscv64', 243, 2, 1],
  ['ppc64', 21, 2, 1],
  ['ppc64', 21, 2, 2],
  ['s390x', 22, 2, 2],
] as const)('%s: machine %i, class %i, data %i', (arch, machine, bits, data) => {
  expect(elfArch(elf(machine, bits, data))).toBe(arch);
});

test.each([
  ['x32', 62, 1, 1],
  ['a big-endian arm64', 183, 2, 2],
  ['a 32-bit RISC-V', 243, 1, 1],
  ['a 31-bit s390', 22, 1, 2],
  ['a little-endian s390x', 22, 2, 1],
  ['a machine that Node is not built for', 8, 1, 2],
  ['x64 read the wrong way round', 62 << 8, 2, 2],
  ['no class', 62, 3, 1],
  ['no order of bytes', 62, 2, 3],
] as const)('%s has no name', (_what, machine, bits, data) => {
  expect(elfArch(elf(machine, bits, data))).toBeNull();
});

test('a head that is cut short is an ELF of no known machine', () => {
  const head = elf(62, 2, 1).subarray(0, 19);
  expect(isElf(head)).toBe(true);
  expect(elfArch(head)).toBeNull();
});

test('anything else is none', () => {
  expect(isElf(Buffer.from('\x7fELV'))).toBe(false);
  expect(isElf(Buffer.alloc(3))).toBe(false);
  expect(elfArch(Buffer.alloc(64))).toBeNull();
});

test('this Node is built for what it says', () => {
  expect(elfArch(readFileSync(process.execPath).subarray(0, 64))).toBe(process.arch);
});
