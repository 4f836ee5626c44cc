import { describe, expect, test } from 'vitest';
import { MAX_WORDS, wireWords } from '../../../../src/main/server/wire-words.ts';

/** What freezes the existing Manager (wire contract, "One answer can freeze it"). */
const FORBIDDEN = /connection|timeout|deadline exceeded|unavailable/i;

describe('wireWords', () => {
  test.each([
    ['the connection was lost', 'the link was lost'],
    ['Connections are closed', 'links are closed'],
    ['did not stop: Timeout', 'did not stop: time limit'],
    ['update.verify_timeout is 5 s', 'update.verify_time limit is 5 s'],
    ['DEADLINE_EXCEEDED', 'out of time'],
    ['deadline exceeded', 'out of time'],
    ['14 UNAVAILABLE: x', '14 not there: x'],
    ['nothing to see', 'nothing to see'],
  ])('%j leaves as %j', (text, words) => {
    expect(wireWords(text)).toBe(words);
    expect(wireWords(text)).not.toMatch(FORBIDDEN);
  });

  test('a text of any length leaves as a short one', () => {
    const words = wireWords('no agent 😀'.repeat(100_000));
    expect(words).toHaveLength(MAX_WORDS);
    expect(words.endsWith('…')).toBe(true);
  });

  test('half a character leaves as one that can be sent', () => {
    expect(encodeURI(wireWords('a\ud83d'))).toBe(encodeURI('a\ufffd'));
  });
});
