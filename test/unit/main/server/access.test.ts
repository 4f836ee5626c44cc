import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { type AccessRules, checkAccess } from '../../../../src/main/server/access.ts';

const RULES: AccessRules = { allowedNames: [], allow: ['list'], plaintext: false };
const PORT = { via: 'port', names: ['cn', 'm.example'] } as const;

describe('checkAccess', () => {
  test.each<[string, Partial<AccessRules>, readonly string[]]>([
    ['any name where none is asked for', {}, []],
    ['one of several names', { allowedNames: ['other', 'm.example'] }, PORT.names],
    ['anybody in plaintext where no name is asked for', { plaintext: true }, []],
  ])('lets in %s', (_, rules, names) => {
    expect(() => checkAccess('list', { ...PORT, names }, { ...RULES, ...rules })).not.toThrow();
  });

  test('asks those whom the daemon dialled itself for no name', () => {
    const rules = { ...RULES, allowedNames: ['other'] };
    expect(() => checkAccess('list', { via: 'stream', names: ['m'] }, rules)).not.toThrow();
  });

  test('leaves an operation that does not exist to others', () => {
    expect(() => checkAccess('', PORT, RULES)).not.toThrow();
  });

  test.each<[string, string, Partial<AccessRules>, readonly string[], RegExp]>([
    [
      'another name',
      'list',
      { allowedNames: ['other'] },
      PORT.names,
      /cn, m\.example is none of server\.allowed_names/,
    ],
    ['no name', 'list', { allowedNames: ['other'] }, [], /a certificate without a name/],
    ['names in plaintext', 'list', { allowedNames: ['cn'], plaintext: true }, [], /server\.tls is off/],
    ['an operation that is not allowed', 'stop', {}, PORT.names, /remote\.allow of this host does not have stop/],
  ])('refuses %s', (_, operation, rules, names, message) => {
    expect(() => checkAccess(operation, { ...PORT, names }, { ...RULES, ...rules })).toThrow(
      expect.objectContaining({ status: status.PERMISSION_DENIED, message: expect.stringMatching(message) }),
    );
  });
});
