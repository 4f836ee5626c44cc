import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { createCertificates } from '../../../../src/demo/certificates.ts';
import type { TlsFilePaths } from '../../../../src/shared/contracts/pool-tasks.ts';
import { describe as inWords } from '../../../../src/shared/errors/daemon-error.ts';
import { readTlsFiles, stampsOf, tls13Context, tlsFileStamps } from '../../../../src/shared/platform/tls-files.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';

let folder: string;
let paths: TlsFilePaths & { keyPassphraseFile: string };
const CONTENTS = { certFile: 'a certificate', caFile: 'a CA', keyFile: 'a key', keyPassphraseFile: 'a phrase\n' };
const FILES = ['certFile', 'caFile', 'keyFile', 'keyPassphraseFile'] as const;

beforeEach(async () => {
  folder = await testFolder('tls-files');
  paths = {
    certFile: join(folder, 'cert'),
    caFile: join(folder, 'ca'),
    keyFile: join(folder, 'key'),
    keyPassphraseFile: join(folder, 'phrase'),
  };
  for (const file of FILES) writeFileSync(paths[file], CONTENTS[file], { mode: 0o600 });
});

describe('reading', () => {
  test('gives the contents, and facts in the order of reading', async () => {
    chmodSync(paths.keyFile, 0o640);
    const { cert, ca, key, passphrase, facts } = await readTlsFiles(paths);
    expect([cert, ca, key].map(String)).toEqual(['a certificate', 'a CA', 'a key']);
    expect(passphrase).toBe('a phrase');
    expect(facts.map(({ name }) => name)).toEqual(['certFile', 'caFile', 'keyPassphraseFile', 'keyFile']);
    expect(facts.at(-1)).toMatchObject({ path: paths.keyFile, mode: 0o640 });
  });

  test.each([
    ['', ''],
    ['\n', ''],
    ['x\r\n', 'x'],
    ['x\n\n', 'x\n'],
    [' ä \n', ' ä '],
  ])('of the passphrase %j only one line end is left out', async (text, expected) => {
    writeFileSync(paths.keyPassphraseFile, text);
    expect((await readTlsFiles(paths)).passphrase).toBe(expected);
  });

  test.each([{ keyPassphraseFile: '' }, {}])('without a file for the passphrase there is none: %j', async (none) => {
    const { keyPassphraseFile: _, ...three } = paths;
    const { passphrase, facts } = await readTlsFiles({ ...three, ...none });
    expect(passphrase).toBe('');
    expect(facts).toHaveLength(3);
  });

  test('an empty file is an empty file', async () => {
    truncateSync(paths.certFile, 0);
    expect((await readTlsFiles(paths)).cert).toHaveLength(0);
  });

  const KEYS = {
    certFile: 'cert_file',
    caFile: 'ca_file',
    keyFile: 'key_file',
    keyPassphraseFile: 'key_passphrase_file',
  };
  test.each(FILES)('names %s where it cannot be read', async (file) => {
    rmSync(paths[file]);
    const error = await readTlsFiles(paths).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ file, message: `manager.tls.${KEYS[file]}: ${paths[file]} cannot be read` });
    expect(inWords(error)).toMatch(/ENOENT/);
  });

  test('of several that are absent it names the same one each time', async () => {
    for (const file of FILES) rmSync(paths[file]);
    for (let n = 0; n < 3; n++) await expect(readTlsFiles(paths)).rejects.toMatchObject({ file: 'certFile' });
  });

  test.each([
    ['a folder', (path: string) => mkdirSync(path), 'it is not a file'],
    ['a named pipe, which would not end', (path: string) => execFileSync('mkfifo', [path]), 'it is not a file'],
    ['a device', (path: string) => symlinkSync('/dev/zero', path), 'it is not a file'],
    [
      'a file too large',
      (path: string) => {
        writeFileSync(path, '');
        truncateSync(path, 5 * 1024 * 1024);
      },
      'bytes, more than',
    ],
  ])('%s is none', async (_, make, why) => {
    rmSync(paths.caFile);
    make(paths.caFile);
    const error = await readTlsFiles(paths).catch((failure: unknown) => failure);
    expect(inWords(error)).toContain(why);
  });

  test('a file that grows meanwhile is refused', async () => {
    // the size that /proc gives is 0, whatever there is to read
    const error = await readTlsFiles({ ...paths, certFile: '/proc/self/status' }).catch((failure: unknown) => failure);
    expect(inWords(error)).toContain('it grew while it was read');
  });
});

describe('stamps', () => {
  test('are those that reading gave, as long as nothing changes', async () => {
    const { facts } = await readTlsFiles(paths);
    expect(await tlsFileStamps(paths)).toBe(stampsOf(facts));
    expect(await tlsFileStamps({ ...paths, keyPassphraseFile: '' })).not.toBe(stampsOf(facts));
  });

  test.each<[string, (path: string) => void]>([
    ['another content', (path) => writeFileSync(path, 'b certificate, longer')],
    [
      'another file in its place',
      (path) => {
        writeFileSync(`${path}2`, 'a certificate');
        renameSync(`${path}2`, path);
      },
    ],
    ['another mode', (path) => chmodSync(path, 0o644)],
    [
      'another content of the same size and time',
      (path) => {
        writeFileSync(path, 'b certificate');
        utimesSync(path, 1, 1);
      },
    ],
  ])('differ for %s', async (_, change) => {
    utimesSync(paths.certFile, 1, 1);
    const before = await tlsFileStamps(paths);
    // again while the file system's clock stands still
    const differs = async (): Promise<boolean> => {
      change(paths.certFile);
      return (await tlsFileStamps(paths)) !== before;
    };
    await waitFor(differs, { what: 'other stamps' });
  });

  test('of a link are those of what it leads to', async () => {
    symlinkSync(paths.certFile, join(folder, 'link'));
    const linked = { ...paths, certFile: join(folder, 'link') };
    const before = await tlsFileStamps(linked);
    rmSync(linked.certFile);
    symlinkSync(paths.caFile, linked.certFile);
    expect(await tlsFileStamps(linked)).not.toBe(before);
  });

  test.each(FILES)('there are none without %s', async (file) => {
    rmSync(paths[file]);
    expect(await tlsFileStamps(paths)).toBeNull();
  });
});

test('makes a context of them, or throws what OpenSSL says', async () => {
  await createCertificates(folder);
  const made = {
    certFile: join(folder, 'client.crt'),
    caFile: join(folder, 'ca.crt'),
    keyFile: join(folder, 'client.key'),
  };
  expect(tls13Context(await readTlsFiles(made))).toHaveProperty('context');
  const other = await readTlsFiles({ ...made, keyFile: join(folder, 'server.key') });
  expect(() => tls13Context(other)).toThrow(/key values mismatch/);
});
