import { describe, expect, it } from 'vitest';
import { distance, hintForUnknown, nearest, sectionsWith } from '../../../../src/shared/config/nearest-key.ts';
import { SCHEMA } from '../../../../src/shared/config/schema.ts';

describe('distance', () => {
  it.each([
    ['', '', 0],
    ['abc', 'abc', 0],
    ['abc', 'acb', 1],
    ['abc', 'ab', 1],
    ['abc', 'xbc', 1],
    ['ca', 'abc', 3],
    ['kitten', 'sitting', 3],
    ['interval', 'intervall', 1],
    ['restart', 'retsart', 1],
  ])('%s → %s: %d', (a, b, edits) => {
    expect(distance(a, b, 10)).toBe(edits);
    expect(distance(b, a, 10)).toBe(edits);
  });

  it('says no more than that the bound is passed', () => {
    expect(distance('kitten', 'sitting', 2)).toBe(3);
    expect(distance('a', 'abcdefgh', 2)).toBe(3);
    expect(distance('abcdefgh', 'stuvwxyz', 1)).toBe(2);
  });
});

describe('nearest', () => {
  const keys = ['id', 'log_level', 'log_file', 'work_dir', 'tls', 'cpu'];
  it.each([
    ['loglevel', 'log_level'],
    ['logLevel', 'log_level'],
    ['LOG-LEVEL', 'log_level'],
    ['log', 'log_level'],
    ['wrok_dir', 'work_dir'],
    ['cpus', 'cpu'],
    ['di', 'id'],
    ['xy', null],
    ['queue', null],
    ['', null],
    ['x'.repeat(5000), null],
  ])('%s → %s', (word, expected) => {
    expect(nearest(word, keys)).toBe(expected);
  });
});

describe('hints for unknown keys', () => {
  it.each([
    ['heartbeat_interval', 'daemon', SCHEMA.daemon.fields, '`heartbeat_interval` belongs under `manager`'],
    ['ca_file', 'manager', SCHEMA.manager.fields, '`ca_file` belongs under `tls`'],
    ['agents', 'daemon', SCHEMA.daemon.fields, '`agents` belongs at the top level'],
    ['mount_points', '', SCHEMA, '`mount_points` belongs under `collectors.disk`'],
    ['max_retries', '', SCHEMA, '`max_retries` belongs under `agents[].restart` or `agent_defaults.restart`'],
    ['manger', '', SCHEMA, 'did you mean `manager`?'],
    [
      'xyzzy',
      'manager.tls',
      SCHEMA.manager.fields.tls.fields,
      'known here: cert_file, key_file, key_passphrase_file, ca_file',
    ],
    [
      'toString',
      'manager.tls',
      SCHEMA.manager.fields.tls.fields,
      'known here: cert_file, key_file, key_passphrase_file, ca_file',
    ],
  ])('%s in %j', (key, path, fields, expected) => {
    expect(hintForUnknown(key, fields, path, SCHEMA)).toBe(expected);
  });

  it('knows sections under names of the user', () => {
    expect(sectionsWith('module', SCHEMA)).toEqual(['collectors.<name>']);
    expect(sectionsWith('*', SCHEMA)).toEqual([]);
  });
});
