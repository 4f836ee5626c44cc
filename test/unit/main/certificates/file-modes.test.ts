import { describe, expect, test } from 'vitest';
import { modeWarnings } from '../../../../src/main/certificates/file-modes.ts';

const of = (mode: number, name: 'keyFile' | 'keyPassphraseFile' | 'certFile' | 'caFile' = 'keyFile') =>
  modeWarnings([{ name, path: '/etc/key', mode }]);

describe('a key file', () => {
  test.each([0o600, 0o400, 0o700, 0o611])('of mode %o is well', (mode) => expect(of(mode)).toEqual([]));

  test.each([
    [0o640, 'read'],
    [0o604, 'read'],
    [0o620, 'written'],
    [0o602, 'written'],
    [0o666, 'read and written'],
    [0o624, 'read and written'],
  ])('of mode %o can be %s by others', (mode, ways) => {
    const octal = mode.toString(8).padStart(4, '0');
    expect(of(mode)).toEqual([
      {
        path: '/etc/key',
        mode: octal,
        message: `the private key in /etc/key can be ${ways} by others than its owner (mode ${octal}); chmod 600 it`,
      },
    ]);
  });
});

test('so with the passphrase', () => {
  expect(of(0o644, 'keyPassphraseFile')[0]?.message).toMatch(
    /^the passphrase of the private key in \/etc\/key can be read/,
  );
});

test.each(['certFile', 'caFile'] as const)('%s is for all', (name) => expect(of(0o666, name)).toEqual([]));
