import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../../../../src/shared/config/diagnostic.ts';
import { renderDiagnostics } from '../../../../src/shared/config/render.ts';

const base: Diagnostic = {
  severity: 'error',
  code: 'D1002',
  message: 'is wrong',
  file: '/etc/d.yaml',
  keyPath: 'a.b',
  line: 12,
  column: 4,
  source: 'a: b',
  hint: 'mend it',
};

describe('renderDiagnostics', () => {
  it.each([
    ['nothing', [], ''],
    ['a frame', [base], '/etc/d.yaml:12:4: error D1002 a.b: is wrong\n  12 | a: b\n     |    ^\n  hint: mend it\n'],
    [
      'no place, key path or hint',
      [{ ...base, line: 0, column: 0, source: '', keyPath: '', hint: '', code: 'D1001' as const }],
      '/etc/d.yaml: error D1001: is wrong\n',
    ],
    [
      'two, an empty line between',
      [
        { ...base, hint: '', source: '' },
        { ...base, hint: '', source: '', severity: 'warning' as const },
      ],
      '/etc/d.yaml:12:4: error D1002 a.b: is wrong\n\n/etc/d.yaml:12:4: warning D1002 a.b: is wrong\n',
    ],
    [
      'tabs and surrogate pairs before the caret',
      [{ ...base, hint: '', source: '\t😀x', column: 4 }],
      '/etc/d.yaml:12:4: error D1002 a.b: is wrong\n  12 | \t😀x\n     | \t ^\n',
    ],
  ])('%s', (_, diagnostics, expected) => {
    expect(renderDiagnostics(diagnostics)).toBe(expected);
  });

  it('shows a window of a long line, with the caret below its character', () => {
    const source = `${'a'.repeat(5000)}X${'b'.repeat(5000)}`;
    const [, line = '', caret = ''] = renderDiagnostics([{ ...base, source, column: 5001 }]).split('\n');
    expect(line.length).toBeLessThan(140);
    expect(line[caret.indexOf('^')]).toBe('X');
  });

  it('hands no control character to the terminal', () => {
    const text = renderDiagnostics([{ ...base, source: 'a\u001b[31m\u009b', keyPath: 'k\u0007', column: 1 }]);
    expect(text).toContain('a\ufffd[31m\ufffd');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });
});
