/** Holds the rules of who may import what, each with its reason. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { describe, expect, test } from 'vitest';

interface Import {
  from: string;
  /** Path below src/ for our own modules, the package's name otherwise. */
  to: string;
  names: string[];
  typeOnly: boolean;
  lazy: boolean;
}

const SRC = resolve(import.meta.dirname, '../../src');

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return sources(path);
    return path.endsWith('.ts') ? [path] : [];
  });
}

function importsOf(path: string, text: string): Import[] {
  const found: Import[] = [];
  const from = relative(SRC, path);
  const add = (specifier: string, names: string[], typeOnly: boolean, lazy: boolean): void => {
    const to = specifier.startsWith('.') ? relative(SRC, resolve(dirname(path), specifier)) : specifier;
    found.push({ from, to, names, typeOnly, lazy });
  };
  for (const [, clause = '', specifier = ''] of text.matchAll(/^(?:import|export)\s([^;]*?)\s?from '([^']+)';$/gm)) {
    const inBraces = /\{([\s\S]*)\}$/.exec(clause.trim())?.[1] ?? `${clause}`;
    const names = inBraces.split(',').flatMap((name) => name.trim() || []);
    const typeOnly = clause.startsWith('type ') || names.every((name) => name.startsWith('type '));
    add(specifier, names, typeOnly, false);
  }
  for (const [, specifier = ''] of text.matchAll(/^import '([^']+)';$/gm)) add(specifier, [], false, false);
  for (const [, specifier = ''] of text.matchAll(/\bimport\('([^']+)'\)/g)) add(specifier, [], false, true);
  return found;
}

const FILES = sources(SRC).map((path) => ({ path: relative(SRC, path), text: readFileSync(path, 'utf8') }));
const IMPORTS = FILES.flatMap(({ path, text }) => importsOf(join(SRC, path), text));
const part = (path: string): string => path.split(sep)[0] ?? '';
const ours = (to: string): boolean => to.endsWith('.ts');
const show = (broken: Import[]): string[] => broken.map(({ from, to }) => `${from} → ${to}`);

/** Of system modules and libraries: what only computes, or is a constant. */
const COMPUTING = new Set(['isIP', 'isIPv4', 'isIPv6', 'BlockList', 'status', 'crc32']);

describe('imports run one way', () => {
  test('the reader of imports sees each kind', () => {
    const text = [
      "import { a, type B } from './x.ts';",
      "import type { C } from 'pino';",
      "import {\n  type D,\n} from '../shared/y.ts';",
      "const z = await import('../shared/z.ts');",
      "import 'side-effect';",
    ].join('\n');
    expect(importsOf(join(SRC, 'main/w.ts'), text)).toEqual([
      { from: 'main/w.ts', to: 'main/x.ts', names: ['a', 'type B'], typeOnly: false, lazy: false },
      { from: 'main/w.ts', to: 'pino', names: ['C'], typeOnly: true, lazy: false },
      { from: 'main/w.ts', to: 'shared/y.ts', names: ['type D'], typeOnly: true, lazy: false },
      { from: 'main/w.ts', to: 'side-effect', names: [], typeOnly: false, lazy: false },
      { from: 'main/w.ts', to: 'shared/z.ts', names: [], typeOnly: false, lazy: true },
    ]);
    expect(IMPORTS.length).toBeGreaterThan(100);
  });

  test('each part imports itself and shared only: a worker’s types reach main through contracts', () => {
    const broken = IMPORTS.filter(({ from, to }) => ours(to) && part(to) !== part(from) && part(to) !== 'shared');
    expect(show(broken)).toEqual([]);
  });

  test('workers never load gRPC: it would be paid for at each start of a thread', () => {
    expect(show(IMPORTS.filter(({ from, to }) => part(from) === 'workers' && to.startsWith('@grpc/')))).toEqual([]);
  });

  test('inside main, parts do not know each other: only the composition root and the command line see them all', () => {
    const broken = IMPORTS.filter(({ from, to }) => {
      const [a, b] = [from.split(sep), to.split(sep)];
      return a[0] === 'main' && b[0] === 'main' && a.length > 2 && b[1] !== a[1];
    });
    expect(show(broken)).toEqual([]);
  });

  test('main loads nothing that is used only at start or in a thread: it stays resident on every host', () => {
    const heavy = /^(yaml|systeminformation|pidusage|piscina|@peculiar\/|node:(https?|dns|zlib))/;
    const broken = IMPORTS.filter(({ from, to, names, typeOnly, lazy }) => {
      if (to === 'node:zlib' && names.join() === 'crc32') return false; // gRPC has loaded it
      return part(from) === 'main' && !typeOnly && !lazy && (heavy.test(to) || to.startsWith('shared/config/'));
    });
    expect(show(broken)).toEqual([]);
  });

  test('what says that it is pure loads nothing that acts: no system module, no library', () => {
    const onlyComputes = (to: string, names: string[]): boolean =>
      /^node:(path|util)$/.test(to) || names.every((name) => COMPUTING.has(name) || name.startsWith('type '));
    const pure = FILES.filter(({ text }) => /^\/\*\*[^/]*?\bPure\b/.test(text)).map(({ path }) => path);
    expect(pure).toContain('main/agents/restart-policy.ts');
    const broken = IMPORTS.filter(
      ({ from, to, names, typeOnly }) => pure.includes(from) && !typeOnly && !ours(to) && !onlyComputes(to, names),
    );
    expect(show(broken)).toEqual([]);
  });
});
