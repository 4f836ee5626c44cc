import { describe, expect, test } from 'vitest';
import { judgeAnswer, type Kept, rangeHeaders } from '../../../../src/workers/update/download-answer.ts';

const KEPT: Kept = { bytes: 100, etag: '"v1"', total: 300 };

describe('judgeAnswer', () => {
  test.each([
    [{}, { total: null, etag: '' }],
    [
      { 'content-length': '300', etag: '"v2"' },
      { total: 300, etag: '"v2"' },
    ],
    [{ etag: 'W/"v2"' }, { total: null, etag: '' }],
    [{ etag: 'v2' }, { total: null, etag: '' }],
    [{ etag: '"a"b"' }, { total: null, etag: '' }],
    [{ etag: '"\u00e9"' }, { total: null, etag: '' }],
    [
      { 'content-encoding': 'Identity', 'transfer-encoding': 'Chunked' },
      { total: null, etag: '' },
    ],
  ])('a whole one with %j', (headers, expected) => {
    for (const kept of [null, KEPT]) {
      expect(judgeAnswer({ status: 200, headers }, kept)).toEqual({ kind: 'body', from: 0, ...expected });
    }
  });

  test.each([
    ['bytes 100-299/300', 300],
    ['bytes 100-199/300', 300],
  ])('a part that goes on: %s', (range, total) => {
    const answer = { status: 206, headers: { 'content-range': range } };
    expect(judgeAnswer(answer, KEPT)).toEqual({ kind: 'body', from: 100, total, etag: '"v1"' });
    expect(judgeAnswer(answer, { ...KEPT, total: null })).toMatchObject({ kind: 'body', total });
  });

  test.each([
    'bytes 99-299/300',
    'bytes 100-99/300',
    'bytes 100-300/300',
    'bytes 100-299/*',
    'bytes */300',
    'bytes 100-299/1000000000000000000000',
    'items 100-299/300',
    '',
  ])('a part of %j belongs to nothing', (range) => {
    const answer = { status: 206, headers: { 'content-range': range } };
    expect(judgeAnswer(answer, KEPT)).toMatchObject({ kind: 'again', anew: true, waitMs: 0 });
  });

  test('a status that may pass keeps the part, one that asked too much does not', () => {
    expect(judgeAnswer({ status: 503, headers: {} }, KEPT)).toMatchObject({ kind: 'again', anew: false });
    expect(judgeAnswer({ status: 416, headers: {} }, KEPT)).toMatchObject({ kind: 'again', anew: true });
    expect(judgeAnswer({ status: 416, headers: {} }, null)).toMatchObject({ kind: 'refused' });
  });

  test.each([
    ['1', 1000],
    ['999999999', 999_999_999_000],
    ['99999999999999999999', 0],
    ['-1', 0],
    ['1.5', 0],
    ['soon', 0],
  ])('Retry-After: %s', (value, waitMs) => {
    expect(judgeAnswer({ status: 429, headers: { 'retry-after': value } }, null)).toMatchObject({ waitMs });
  });
});

test('the rest is asked for of the same version only', () => {
  expect(rangeHeaders(KEPT)).toEqual({ range: 'bytes=100-', 'if-range': '"v1"' });
  expect(rangeHeaders(null)).toEqual({});
});
