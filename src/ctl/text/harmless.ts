/**
 * What the daemon, its agents or a file say, made safe for a terminal: control characters, and those that turn the
 * direction of writing, are replaced. Colours of agents' own lines are left out. Pure.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const COLOURS = /\u001b\[[0-9;:]*m/g;
/** All but the tab: C0, C1, and the marks of direction and lines of Unicode. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSAFE = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** One line: a line end in it is replaced too. */
export function harmless(text: string): string {
  return text.replaceAll(COLOURS, '').replaceAll(UNSAFE, '\ufffd');
}

/** Several lines: their ends stay. */
export function harmlessLines(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => harmless(line))
    .join('\n');
}

/** Every text in a value of JSON, keys included. */
export function deepHarmless<T>(value: T): T {
  return cleaned(value) as T;
}

function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return harmless(value);
  if (Array.isArray(value)) return value.map(cleaned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [harmless(key), cleaned(item)]));
}

/** One line of JSON; what JSON leaves as it is and a terminal would act on is escaped. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replaceAll(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
