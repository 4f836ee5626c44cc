/** The README is there in two languages: what is not prose is the same in both. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

function read(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../../../${name}`, import.meta.url)), 'utf8');
}

const BOTH = [read('README.md'), read('README.zh-CN.md')] as const;

/** Without what is said about them. */
function commands(text: string): string[] {
  return (text.match(/^ {4}\S.*$/gm) ?? []).map((line) => line.replace(/\s+#.*$/, ''));
}

/** But the one to the other language. */
function links(text: string): string[] {
  const targets = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
  return [...new Set(targets)].filter((target) => !target.startsWith('README')).sort();
}

/** Every number of the rows that have megabytes. */
function costs(text: string): string[] {
  return (text.match(/^\|.* MB.*$/gm) ?? []).flatMap((row) => row.match(/\d+(\.\d+)*/g) ?? []);
}

function screen(text: string): string[] {
  return /```\n( Host daemon demo[\s\S]*?)```/.exec(text)?.[1]?.split('\n') ?? [];
}

function codes(text: string): string[] {
  return text.match(/\bD[1-5]00\d\b/g) ?? [];
}

test.each([
  { what: 'the screen of the demo', of: screen },
  { what: 'commands', of: commands },
  { what: 'links', of: links },
  { what: 'figures of what it costs', of: costs },
  { what: 'error codes', of: codes },
])('$what', ({ of }) => {
  const [english, chinese] = [of(BOTH[0]), of(BOTH[1])];
  expect(english.length).toBeGreaterThan(0);
  expect(chinese).toEqual(english);
});
