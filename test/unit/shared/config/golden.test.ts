/** Each test/golden/config/NAME.yaml gives exactly the text in NAME.txt. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../../src/shared/config/parse.ts';
import { renderDiagnostics } from '../../../../src/shared/config/render.ts';

const FOLDER = join(import.meta.dirname, '../../../golden/config');
const names = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));

describe('golden files', () => {
  it('are there', () => {
    expect(names.length).toBeGreaterThanOrEqual(16);
  });

  it.each(names)('%s', (name) => {
    const { config, diagnostics } = parseConfig(readFileSync(join(FOLDER, name), 'utf8'), name);
    expect(renderDiagnostics(diagnostics)).toBe(readFileSync(join(FOLDER, name.replace('.yaml', '.txt')), 'utf8'));
    expect(config === null).toBe(diagnostics.some((diagnostic) => diagnostic.severity === 'error'));
  });
});
