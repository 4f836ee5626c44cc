import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfigFile, renderDiagnostics } from '../../../../src/shared/config/load.ts';

const ROOT = join(import.meta.dirname, '../../../..');
const VALID = 'manager: {address: "m.example.com:9090"}\n';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'load-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('loadConfigFile', () => {
  it('reads a file', () => {
    const path = join(folder, 'valid.yaml');
    writeFileSync(path, VALID);
    expect(loadConfigFile(path)).toMatchObject({
      config: { manager: { addresses: ['m.example.com:9090'] } },
      diagnostics: [],
    });
  });

  it.each([
    ['an absent file', 'absent.yaml', null, 'does not exist'],
    ['a path through a file', 'file.yaml/x', null, 'does not exist: a part of its path is not a folder'],
    ['a folder', '.', null, 'is a folder'],
    ['a device', '/dev/null', null, 'is not a regular file'],
    ['a file over 1 MiB', 'big.yaml', '#'.repeat(1024 * 1024 + 1), 'has 1048577 bytes, at most 1048576 are read'],
    ['another encoding', 'latin.yaml', Buffer.from('a: 1\nb: caf\xe9\n', 'latin1'), 'is not UTF-8: see line 2'],
    ['a cut character', 'cut.yaml', Buffer.from([0x61, 0x0a, 0xe2, 0x82]), 'is not UTF-8: see line 2'],
  ])('gives D1001 for %s', (_, name, content, message) => {
    writeFileSync(join(folder, 'file.yaml'), VALID);
    const path = name.startsWith('/') ? name : join(folder, name);
    if (content !== null) writeFileSync(path, content);
    const { config, diagnostics } = loadConfigFile(path);
    expect(config).toBeNull();
    expect(diagnostics).toMatchObject([{ code: 'D1001', severity: 'error', message, file: path, line: 0 }]);
  });

  it.skipIf(process.getuid?.() === 0)('gives D1001 for a file that it may not read', () => {
    const path = join(folder, 'closed.yaml');
    writeFileSync(path, VALID, { mode: 0o000 });
    expect(loadConfigFile(path).diagnostics).toMatchObject([
      { code: 'D1001', message: 'may not be read by this user' },
    ]);
  });

  it('takes a file of exactly 1 MiB', () => {
    const path = join(folder, 'full.yaml');
    writeFileSync(path, `${VALID}#`.padEnd(1024 * 1024, 'x'));
    expect(loadConfigFile(path).diagnostics).toEqual([]);
  });
});

describe('the files in configs/', () => {
  it.each(['daemon.yaml', 'daemon.multi-agent.example.yaml', 'try.example.yaml'])('%s is valid', (name) => {
    expect(renderDiagnostics(loadConfigFile(join(ROOT, 'configs', name)).diagnostics)).toBe('');
  });

  it('daemon.yaml spells out the defaults', () => {
    const path = join(folder, 'minimal.yaml');
    writeFileSync(path, 'manager: {address: "manager.example.com:9090"}\n');
    expect(loadConfigFile(join(ROOT, 'configs/daemon.yaml')).config).toEqual(loadConfigFile(path).config);
  });

  it('the example has the three agents of the design document', () => {
    const { config } = loadConfigFile(join(ROOT, 'configs/daemon.multi-agent.example.yaml'));
    expect(config?.agents).toMatchObject([
      { id: 'filebeat-logs', type: 'filebeat', healthCheck: { cpuThresholdPercent: 50 } },
      { id: 'telegraf-metrics', type: 'telegraf', healthCheck: { memoryThresholdBytes: 262_144_000 } },
      { id: 'node-exporter', type: 'node_exporter', healthCheck: { heartbeatTimeoutMs: 0 }, configFile: '' },
    ]);
  });
});
