/**
 * What may leave the server in words. Pure. The existing Manager stops calling every node when an error text contains
 * one of a few words that speak of the network to it, so they never leave, whatever an error says.
 */
const WORDS: readonly [RegExp, string][] = [
  [/deadline[ _-]?exceeded/gi, 'out of time'],
  [/connection/gi, 'link'],
  [/time-?out/gi, 'time limit'],
  [/unavailable/gi, 'not there'],
];

export function wireWords(text: string): string {
  return WORDS.reduce((words, [word, instead]) => words.replace(word, instead), text);
}
