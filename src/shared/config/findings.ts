/**
 * What reading a configuration finds: problems, gathered instead of thrown, and where each value stands in the text,
 * so that a later check can point at it. At most MAX_PROBLEMS are kept; how many more there were is said.
 */
import { LineCounter } from 'yaml';
import type { Diagnostic } from './diagnostic.ts';

const MAX_PROBLEMS = 100;

/** Where values stand in the text that a configuration was read from. */
export interface Places {
  file: string;
  text: string;
  lines: LineCounter;
  /** Offset in the text of what each key path leads to: the value, or the key where the value is empty. */
  offsets: Map<string, number>;
  /** Whether the one agent came from the single-agent form, whose key path is `agent`. */
  legacyAgent: boolean;
}

/** The places of a text in which nothing has been read yet. */
export function placesOf(text: string, file: string): Places {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
  return { file, text, lines, offsets: new Map(), legacyAgent: false };
}

export interface Finding {
  keyPath: string;
  /** null where the problem has no place in the text. */
  offset: number | null;
  message: string;
  hint?: string;
  code?: Diagnostic['code'];
  severity?: Diagnostic['severity'];
  /** Shown in place of the source line, which may hold a secret. */
  instead?: string;
}

/** Key path of an agent, as the file spells it. */
export function agentPath(places: Places, index: number): string {
  return places.legacyAgent ? 'agent' : `agents[${index}]`;
}

/** A key path one key longer. Keys that are not plain words are quoted. */
export function childPath(path: string, key: string): string {
  if (!/^[\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}

export class Findings {
  readonly places: Places;
  readonly #kept: Diagnostic[] = [];
  readonly #wrong = new Set<string>();
  #errors = 0;
  #dropped = 0;

  constructor(places: Places) {
    this.places = places;
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  /** Whether further findings are only counted, so that nobody need phrase them. */
  get isFull(): boolean {
    return this.#kept.length >= MAX_PROBLEMS;
  }

  add(finding: Finding): void {
    const severity = finding.severity ?? 'error';
    if (severity === 'error') {
      this.#errors++;
      this.#wrong.add(finding.keyPath);
    }
    if (this.isFull) this.#dropped++;
    else this.#kept.push(toDiagnostic(finding, this.places));
  }

  /** Whether none of these key paths has an error: a check between values says nothing about a value that is wrong. */
  sound(...keyPaths: string[]): boolean {
    return keyPaths.every((path) => !this.#wrong.has(path));
  }

  /** In the order of the text; what has no place comes first. */
  diagnostics(): Diagnostic[] {
    const sorted = this.#kept.toSorted((a, b) => a.line - b.line || a.column - b.column);
    if (this.#dropped === 0) return sorted;
    const severity = this.hasErrors ? 'error' : 'warning';
    const message = `${this.#dropped} more problems are not shown`;
    return [...sorted, toDiagnostic({ keyPath: '', offset: null, message, severity }, this.places)];
  }
}

/** A finding with its line, column and source line. */
export function toDiagnostic(finding: Finding, places: Places): Diagnostic {
  const common = {
    severity: finding.severity ?? 'error',
    code: finding.code ?? 'D1002',
    message: finding.message,
    file: places.file,
    keyPath: finding.keyPath,
    hint: finding.hint ?? '',
  };
  if (finding.offset === null) return { ...common, line: 0, column: 0, source: '' };
  const { line, col } = places.lines.linePos(finding.offset);
  if (finding.instead !== undefined) {
    return { ...common, line, column: col, source: `${' '.repeat(col - 1)}${finding.instead}` };
  }
  const start = places.lines.lineStarts[line - 1] ?? 0;
  const end = places.text.indexOf('\n', start);
  const source = places.text.slice(start, end < 0 ? undefined : end).replace(/\r$/, '');
  return { ...common, line, column: col, source };
}
