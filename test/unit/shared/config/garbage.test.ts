/** Whatever the text is, reading it ends with a configuration or with errors, and never throws. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../../src/shared/config/parse.ts';
import { renderDiagnostics } from '../../../../src/shared/config/render.ts';

const VALID = readFileSync(join(import.meta.dirname, '../../../../configs/daemon.multi-agent.example.yaml'), 'utf8');
const TOKENS = [
  ...['manager', 'address', 'agents', 'agent', 'collectors', 'cpu', 'restart', 'id', 'env', '__proto__', '*', '<<'],
  ...[
    ': ',
    ':\n',
    '\n',
    '\n  ',
    '\n    ',
    '- ',
    '[',
    ']',
    '{',
    '}',
    ', ',
    '"',
    "'",
    '|\n',
    '>-\n',
    '? ',
    '# ',
    '---\n',
  ],
  ...['&a ', '*a', '!!str ', '!x ', '%YAML 1.1\n', '\t', '\r\n', '\u0000', '\u001b', '\uFEFF', '\ud800', '采集', '~'],
  ...['0', '30s', '-1', '1e999', '.nan', '0x1f', 'true', 'null', '/a', '"a:1"', '500MB'],
];

/** Mulberry32: numbers in [0, 1), the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

function garbage(random: () => number): string {
  const length = Math.floor(random() * 60);
  return Array.from({ length }, () => TOKENS[Math.floor(random() * TOKENS.length)] ?? '').join('');
}

/** The valid file with a few places cut out, doubled or replaced. */
function damaged(random: () => number): string {
  let text = VALID;
  for (let edits = 1 + Math.floor(random() * 4); edits > 0; edits--) {
    const from = Math.floor(random() * text.length);
    const to = Math.min(text.length, from + Math.floor(random() * 30));
    const middle = [garbage(random), '', text.slice(from, to).repeat(2)][Math.floor(random() * 3)] ?? '';
    text = text.slice(0, from) + middle + text.slice(to);
  }
  return text;
}

function check(text: string): 'config' | 'errors' {
  const { config, diagnostics } = parseConfig(text, 'f.yaml');
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  expect(config === null, JSON.stringify(text)).toBe(errors.length > 0);
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  for (const { line, column, keyPath } of diagnostics) {
    expect(line, `${keyPath} of ${JSON.stringify(text)}`).toBeLessThanOrEqual(lines.length);
    expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? 0) + 1);
  }
  expect(renderDiagnostics(diagnostics) === '').toBe(diagnostics.length === 0);
  return config === null ? 'errors' : 'config';
}

describe('parseConfig', () => {
  it('survives random tokens', () => {
    const random = randomFrom(1);
    const results = Array.from({ length: 3000 }, () => check(garbage(random)));
    expect(new Set(results)).toContain('errors');
  });

  it('survives random bytes', () => {
    const random = randomFrom(2);
    for (let i = 0; i < 1000; i++) {
      const bytes = Uint8Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256));
      check(Buffer.from(bytes).toString('latin1'));
    }
  });

  it('survives damage to a valid file, which now and then stays valid', () => {
    const random = randomFrom(3);
    const results = Array.from({ length: 600 }, () => check(damaged(random)));
    expect(new Set(results)).toEqual(new Set(['config', 'errors']));
  });
});
