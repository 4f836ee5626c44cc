/** How many columns of a terminal a text takes. Pure. Text is harmless already; our own colours are not counted. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const COLOUR = /\u001b\[[0-9;]*m/g;
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uff01-\uff60]/u;
const NONE = /\p{M}|[\u200b-\u200d]/u;

const widthOf = (char: string): number => (NONE.test(char) ? 0 : WIDE.test(char) ? 2 : 1);

export function width(text: string): number {
  let sum = 0;
  for (const char of text.replaceAll(COLOUR, '')) sum += widthOf(char);
  return sum;
}

/** Without colours in it. What was cut ends in an ellipsis. */
export function cut(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  let kept = '';
  let sum = 0;
  for (const char of text) {
    sum += widthOf(char);
    if (sum > columns - 1) break;
    kept += char;
  }
  return columns > 0 ? `${kept}…` : '';
}

/** Cut or filled with blanks to exactly that many columns. */
export function padded(text: string, columns: number, side: 'left' | 'right' = 'left'): string {
  const shown = cut(text, columns);
  const blanks = ' '.repeat(Math.max(0, columns - width(shown)));
  return side === 'left' ? shown + blanks : blanks + shown;
}

/** In lines of at most that many columns, broken at blanks; a word that is longer stays whole. */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && width(`${last} ${word}`) <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
