import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { downloadPackage } from '../../../../src/workers/update/download.ts';
import { Part } from '../../../../src/workers/update/download-part.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { failureOf, inputFor, NO_CONTEXT, plainHost } from './download-host.ts';

const isRoot = process.getuid?.() === 0;

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await testFolder('part');
  path = join(folder, 'package');
});

describe('Part', () => {
  test('holds what was written since it was last emptied', async () => {
    const part = await Part.create(path);
    const [first, second] = [randomBytes(100_000), randomBytes(50_000)];
    await part.append(first);
    await part.append(second);
    expect(part.bytes).toBe(150_000);
    expect(readFileSync(path).equals(Buffer.concat([first, second]))).toBe(true);
    await part.empty();
    expect(part.bytes).toBe(0);
    await part.append(second);
    await part.finish();
    expect(readFileSync(path).equals(second)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('is gone when discarded, at whichever point, even where somebody else was first', async () => {
    await (await Part.create(path)).discard();
    const finished = await Part.create(path);
    await finished.finish();
    await finished.discard();
    expect(readdirSync(folder)).toEqual([]);
    const lost = await Part.create(path);
    rmSync(path);
    await lost.discard();
    const replaced = await Part.create(path);
    rmSync(path);
    mkdirSync(path);
    await replaced.discard(); // which cannot be, and does not hide why it was to go
    expect(readdirSync(folder)).toEqual(['package']);
  });

  test('what is closed can neither be written nor flushed', async () => {
    const part = await Part.create(path);
    await part.finish();
    for (const act of [() => part.append(Buffer.from('x')), () => part.empty(), () => part.finish()]) {
      await expect(act()).rejects.toMatchObject({ code: 'D4003', cause: { code: 'EBADF' } });
    }
  });
});

/** A file system of so many megabytes. */
function smallDisk(megabytes = 1): string {
  const mount = join(folder, 'disk');
  mkdirSync(mount);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', mount]);
  onTestFinished(() => void execFileSync('umount', [mount]));
  return mount;
}

describe.skipIf(!isRoot)('a download onto a small disk (needs root, for the mount)', () => {
  const content = randomBytes(2_000_000);

  test('that is full in the middle: the part is removed, and nothing is tried again', async () => {
    const disk = smallDisk();
    const host = await plainHost((_, response) => {
      response.write(content); // without a length, so that only the disk itself can tell
      response.end();
    });
    const { code, message, cause } = await failureOf(inputFor(host, join(disk, 'package')));
    expect(code).toBe('D4003');
    expect(message).toContain(`${join(disk, 'package')} cannot be written`);
    expect(cause).toMatchObject({ code: 'ENOSPC' });
    expect(readdirSync(disk)).toEqual([]);
    expect(host.asked).toHaveLength(1);
    await host.expectNoConnection();
  });

  test('that is too small for what was announced', async () => {
    const disk = smallDisk();
    const host = await plainHost((_, response) => response.end(content));
    const { code, message } = await failureOf(inputFor(host, join(disk, 'package')));
    expect(code).toBe('D4003');
    expect(message).toMatch(/has no room for the package: 1.9 MiB and 0 B in reserve are needed, 1.0 MiB are free/);
    expect(readdirSync(disk)).toEqual([]);
    const small = await plainHost((_, response) => response.end(content.subarray(0, 500_000)));
    expect((await downloadPackage(inputFor(small, join(disk, 'package')), NO_CONTEXT)).bytes).toBe(500_000);
  });

  test('whose reserve an answer without a length would take', async () => {
    const disk = smallDisk(40);
    const host = await plainHost((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(content));
      };
      response.on('drain', more);
      more();
    });
    const over = { reserveBytes: 30 * 1024 * 1024, maxBytes: 1_000_000_000 };
    const { code, message } = await failureOf(inputFor(host, join(disk, 'package'), over));
    expect(code).toBe('D4003');
    expect(message).toContain(`${disk} has no room for the rest of the package`);
    expect(readdirSync(disk)).toEqual([]);
  });

  test('that is mounted for reading only', async () => {
    const disk = smallDisk();
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const host = await plainHost((_, response) => response.end(content));
    const { code, message, cause } = await failureOf(inputFor(host, join(disk, 'package')));
    expect(code).toBe('D4003');
    expect(message).toContain('cannot be created');
    expect(cause).toMatchObject({ code: 'EROFS' });
    expect(host.asked).toEqual([]);
  });
});

test.skipIf(isRoot)('a folder that may not be written to (root may)', async () => {
  chmodSync(folder, 0o500);
  onTestFinished(() => chmodSync(folder, 0o700));
  const host = await plainHost((_, response) => response.end('a package'));
  const { code, cause } = await failureOf(inputFor(host, path));
  expect(code).toBe('D4003');
  expect(cause).toMatchObject({ code: 'EACCES' });
});
