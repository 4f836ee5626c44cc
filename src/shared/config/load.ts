/**
 * The configuration file, read and checked. A bundle of its own: main loads it when it needs a configuration and lets
 * it go again, the YAML parser with it. What is wrong is returned as diagnostics, never thrown.
 */
import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import type { ConfigOrigin } from '../contracts/control.ts';
import { placesOf, toDiagnostic } from './findings.ts';
import { originsIn } from './origins.ts';
import { type Loaded, parseConfig } from './parse.ts';
import type { Config } from './schema.ts';

export type { Diagnostic } from './diagnostic.ts';
export { effectiveConfig } from './effective.ts';
export type { Places } from './findings.ts';
export { checkHost } from './host-checks.ts';
export { type Loaded, parseConfig } from './parse.ts';
export { renderReference } from './reference.ts';
export { renderDiagnostics } from './render.ts';

/** Where each value of a configuration in force comes from, by what the file says now. */
export function configOrigins(config: Config, path: string): ConfigOrigin[] {
  return originsIn(loadConfigFile(path), config);
}

const MAX_BYTES = 1024 * 1024;

/** Reads and checks the file. `config` is null exactly when a diagnostic is an error. */
export function loadConfigFile(path: string): Loaded {
  const read = readText(path);
  return 'text' in read ? parseConfig(read.text, path) : unreadable(path, read.problem, read.hint);
}

function unreadable(path: string, message: string, hint: string): Loaded {
  const places = placesOf('', path);
  const diagnostic = toDiagnostic({ keyPath: '', offset: null, message, hint, code: 'D1001' }, places);
  return { config: null, diagnostics: [diagnostic], places };
}

function readText(path: string): { text: string } | { problem: string; hint: string } {
  try {
    const stats = statSync(path);
    if (stats.isDirectory()) return { problem: 'is a folder', hint: 'name the file in it' };
    // reading a pipe or a device could take for ever
    if (!stats.isFile()) return { problem: 'is not a regular file', hint: '' };
    if (stats.size > MAX_BYTES) return { problem: `has ${stats.size} bytes, at most ${MAX_BYTES} are read`, hint: '' };
    const bytes = readFileSync(path);
    if (!isUtf8(bytes)) {
      return { problem: `is not UTF-8: see line ${firstBadLine(bytes)}`, hint: 'save the file as UTF-8' };
    }
    return { text: bytes.toString('utf8') };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const problem = READ_PROBLEMS.get(code) ?? `cannot be read: ${error instanceof Error ? error.message : error}`;
    return { problem, hint: code === 'EACCES' ? "the daemon's user needs read permission, and x on each folder" : '' };
  }
}

const READ_PROBLEMS = new Map([
  ['ENOENT', 'does not exist'],
  ['ENOTDIR', 'does not exist: a part of its path is not a folder'],
  ['EACCES', 'may not be read by this user'],
]);

/** UTF-8 has no newline byte inside a character, so that lines can be looked at one by one. */
function firstBadLine(bytes: Buffer): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
  return line;
}
