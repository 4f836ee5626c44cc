import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Fields } from '../../../../src/shared/config/fields.ts';
import { renderReference } from '../../../../src/shared/config/reference.ts';
import { SCHEMA } from '../../../../src/shared/config/schema.ts';

function keysOf(fields: Fields): string[] {
  return Object.entries(fields).flatMap(([key, field]) => ['fields' in field ? keysOf(field.fields) : [], key].flat());
}

describe('renderReference', () => {
  const text = renderReference();

  it('has a row or a heading for every key', () => {
    const rows = text.split('\n').filter((line) => /^(\| `|## )/.test(line));
    expect(rows).toHaveLength(keysOf(SCHEMA).length);
  });

  it.each([
    '| `manager.address` | HOST:PORT, or a list of them | mandatory |  | HOST:PORT of the Manager; the certificate must carry HOST. Of several, each host tries them in an order of its own and keeps the first that serves it. |',
    '| `manager.timeout` | duration | `30s` | 100ms to 10m | Deadline of connecting and of each call. |',
    '| `update.max_backups` | whole number | `5` | 1 to 1000 | Backups kept a component; the newest that was known to be good stays in any case. |',
    '| `daemon.log_file` | path or `-` | `/var/log/daemon/daemon.log` |  | Log file. `-`: standard output. |',
    '| `collectors.disk.mount_points` | list of texts | `[]` |  | Mount points to report; empty: all. |',
  ])('%s', (row) => {
    expect(text.split('\n')).toContain(row);
  });

  it('is what docs/configuration.md holds', () => {
    expect(readFileSync(join(import.meta.dirname, '../../../../docs/configuration.md'), 'utf8')).toBe(text);
  });
});
