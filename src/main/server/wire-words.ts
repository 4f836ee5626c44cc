/**
 * What may leave the server in words. Pure. The existing Manager stops calling every node when an error text contains
 * one of a few words that speak of the network to it, so they never leave, whatever an error says. Nor does what a gRPC
 * status cannot carry: halves of characters, and texts of any length.
 */
const WORDS: readonly [RegExp, string][] = [
  [/deadline[ _-]?exceeded/gi, 'out of time'],
  [/connection/gi, 'link'],
  [/time-?out/gi, 'time limit'],
  [/unavailable/gi, 'not there'],
];

/** Trailers over a few kilobytes end the call at the other side, whatever they say. In UTF-16 units. */
export const MAX_WORDS = 1000;

export function wireWords(text: string): string {
  const harmless = WORDS.reduce((words, [word, instead]) => words.replace(word, instead), text);
  const short = harmless.length > MAX_WORDS ? `${harmless.slice(0, MAX_WORDS - 1)}…` : harmless;
  return Buffer.from(short).toString(); // half a character would make grpc-js throw
}
