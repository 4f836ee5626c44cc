import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { closeInheritedDescriptors } from '../../../src/main/inherited-descriptors.ts';
import { testFolder } from '../../support/temp-folder.ts';

test('closes what is not marked to be closed on exec, but for the first three', async () => {
  const folder = await testFolder('descriptors');
  mkdirSync(join(folder, 'fd'));
  mkdirSync(join(folder, 'fdinfo'));
  const flags: Record<number, string> = {
    0: '0100002',
    2: '0100001',
    3: '02000002',
    40: '0100001',
    41: '02100000',
    251: '01',
  };
  for (const [fd, value] of Object.entries(flags)) {
    writeFileSync(join(folder, 'fd', fd), '');
    writeFileSync(join(folder, 'fdinfo', fd), `pos:\t0\nflags:\t${value}\nmnt_id:\t1\n`);
  }
  writeFileSync(join(folder, 'fd/60'), ''); // gone between the two reads
  const closed: number[] = [];
  expect(closeInheritedDescriptors(folder, (fd) => closed.push(fd))).toEqual([40, 251]);
  expect(closed).toEqual([40, 251]);
  expect(closeInheritedDescriptors(join(folder, 'absent'))).toEqual([]);
});
