/** What a terminal in raw mode sends, as names of keys. Pure. */
const SEQUENCES: Record<string, string> = {
  '\u001b[A': 'up',
  '\u001bOA': 'up',
  '\u001b[B': 'down',
  '\u001bOB': 'down',
  '\u0003': 'ctrl-c',
  '\u001b': 'escape',
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what keys send
const KEY = /\u001b(?:\[[0-9;]*[ -/]*[@-~]|O.)|[\s\S]/gu;

/** Sequences that mean nothing here come as they are, and do nothing. */
export function keysIn(text: string): string[] {
  return [...text.matchAll(KEY)].map(([key]) => SEQUENCES[key] ?? key);
}
