/** Diagnostics as plain text for a terminal or a log: place, message, the line with a caret, what to do. */
import type { Diagnostic } from './diagnostic.ts';

/** Columns of the source line that a frame shows. */
const WIDTH = 120;

/** One frame each, an empty line between; '' for none. Ends with a newline otherwise. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map(renderOne).join('\n');
}

function renderOne(diagnostic: Diagnostic): string {
  const { file, line, column, severity, code, keyPath, message, hint } = diagnostic;
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  const head = `${place === '' ? '' : `${place}: `}${severity} ${code}${keyPath === '' ? '' : ` ${keyPath}`}: ${message}`;
  const tail = hint === '' ? [] : [`  hint: ${hint}`];
  return [head, ...frame(diagnostic), ...tail].map((text) => `${harmless(text)}\n`).join('');
}

function frame({ line, column, source }: Diagnostic): string[] {
  if (line === 0 || source.trim() === '') return [];
  const from = column > WIDTH - 20 ? column - WIDTH / 2 : 0;
  const cut = source.slice(from, from + WIDTH);
  const text = `${from > 0 ? '...' : ''}${cut}${from + WIDTH < source.length ? '...' : ''}`;
  const before = `${from > 0 ? '...' : ''}${source.slice(from, column - 1)}`;
  // tabs stay, so that the caret stands below its character however wide they are
  const padding = [...before].map((char) => (char === '\t' ? '\t' : ' ')).join('');
  const gutter = String(line);
  return [`  ${gutter} | ${text}`, `  ${' '.repeat(gutter.length)} | ${padding}^`];
}

/** A file's control characters are not handed to the terminal. */
function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replaceAll(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/g, '\ufffd');
}
