import { describe, expect, test } from 'vitest';
import { JsonFrames } from '../../../../src/shared/platform/json-frames.ts';

const OBJECTS = [{ pid: 1 }, { text: 'a } " \\ { b', deep: { list: [1, { x: '}' }] } }, { ü: '€' }];
const STREAM = Buffer.from(
  `${JSON.stringify(OBJECTS[0])}${JSON.stringify(OBJECTS[1])}\n \t${JSON.stringify(OBJECTS[2])}\r\n`,
);

describe('JsonFrames', () => {
  test('cuts concatenated and newline-delimited objects, in pieces of any size', () => {
    for (let size = 1; size <= STREAM.length; size++) {
      const frames = new JsonFrames(1024);
      const values: unknown[] = [];
      for (let at = 0; at < STREAM.length; at += size) values.push(...frames.push(STREAM.subarray(at, at + size)));
      expect(values).toEqual(OBJECTS);
    }
  });

  test.each(['[1]', '"text"', '12', '}', '{"a":1},{"b":2}'])('refuses %s', (text) => {
    expect(() => new JsonFrames(1024).push(Buffer.from(text))).toThrow(/between two objects/);
  });

  test('refuses what only looks like an object', () => {
    expect(() => new JsonFrames(1024).push(Buffer.from('{"a":}'))).toThrow(SyntaxError);
  });

  test('refuses a frame over the limit, whole or in pieces, and takes one at the limit', () => {
    const exact = `{"a":"${'x'.repeat(64 - 8)}"}`;
    expect(new JsonFrames(64).push(Buffer.from(exact + exact))).toHaveLength(2);
    expect(() => new JsonFrames(63).push(Buffer.from(exact))).toThrow(/larger than 63/);
    const frames = new JsonFrames(64);
    expect(() => {
      for (let i = 0; i < 100; i++) frames.push(Buffer.from('{"a":'));
    }).toThrow(/larger than 64/);
  });
});
