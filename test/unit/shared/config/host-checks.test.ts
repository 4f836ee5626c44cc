import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkHost } from '../../../../src/shared/config/host-checks.ts';
import { parseConfig } from '../../../../src/shared/config/parse.ts';

const TEXT = `manager:
  address: "m.example.com:9090"
  tls: {ca_file: /no/ca.crt}
agents:
  - {id: a, type: custom, binary_path: /no/a, config_file: /no/a.yml}
  - {id: b, type: custom, binary_path: /no/b, enabled: false}
collectors:
  queue: {module: /no/q.mjs}
  other: {module: /no/o.mjs, enabled: false}
`;

function check(text: string, probe?: Parameters<typeof checkHost>[2]) {
  const { config, places, diagnostics } = parseConfig(text, 'f.yaml');
  if (config === null) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
  return checkHost(config, places, probe);
}

describe('checkHost', () => {
  it('warns at the value, or at the section that lacks it', () => {
    const warnings = check(TEXT, () => 'is not there');
    expect(warnings.map(({ keyPath, line, column }) => `${line}:${column} ${keyPath}`)).toEqual([
      '3:8 manager.tls.cert_file',
      '3:8 manager.tls.key_file',
      '3:18 manager.tls.ca_file',
      '5:40 agents[0].binary_path',
      '5:60 agents[0].config_file',
      '8:19 collectors.queue.module',
    ]);
    expect(new Set(warnings.map(({ severity }) => severity))).toEqual(new Set(['warning']));
  });

  it('looks for certificates only where there is TLS, and for the passphrase where there is one', () => {
    const keys = (text: string): string[] => check(text, () => 'is not there').map(({ keyPath }) => keyPath);
    expect(keys('manager: {address: "m:1", tls: off}\nserver: {tls: off}\n')).toEqual([]);
    expect(keys('manager: {address: "m:1", tls: {key_passphrase_file: /no/pass}}\n')).toContain(
      'manager.tls.key_passphrase_file',
    );
  });

  it('asks whether programs can be executed and the rest be read', () => {
    const asked: string[] = [];
    const probe = (path: string, use: string) => {
      asked.push(`${use} ${path}`);
      return '';
    };
    expect(check(TEXT, probe)).toEqual([]);
    expect(asked).toEqual([
      'read /etc/daemon/certs/client.crt',
      'read /etc/daemon/certs/client.key',
      'read /no/ca.crt',
      'execute /no/a',
      'read /no/a.yml',
      'read /no/q.mjs',
    ]);
  });

  it('shows the key path of the single-agent form', () => {
    const text = 'manager: {address: "m:1"}\nagent: {binary_path: /no/a}\n';
    const warnings = check(text, (_, use) => (use === 'execute' ? 'is not there' : ''));
    expect(warnings).toMatchObject([{ keyPath: 'agent.binary_path', line: 2, column: 22 }]);
  });

  it('does without places', () => {
    const { config } = parseConfig('manager: {address: "m:1"}\nagent: {binary_path: /no/a}\n', 'f.yaml');
    const warnings = config && checkHost(config, undefined, (_, use) => (use === 'execute' ? 'is not there' : ''));
    expect(warnings).toMatchObject([{ keyPath: 'agents[0].binary_path', line: 0, file: '' }]);
  });
});

describe('the real file system', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'host-checks-'));
    writeFileSync(join(folder, 'plain'), '');
    writeFileSync(join(folder, 'program'), '');
    chmodSync(join(folder, 'plain'), 0o644);
    chmodSync(join(folder, 'program'), 0o755);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['program', []],
    ['plain', ['may not be executed by this user']],
    ['absent', ['does not exist']],
    ['plain/below', ['does not exist']],
    ['.', ['is not a file']],
  ])('%s', (name, reasons) => {
    const path = join(folder, name);
    const certificates = `tls: {cert_file: ${folder}/plain, key_file: ${folder}/plain, ca_file: ${folder}/plain}`;
    const text = `manager: {address: "m:1", ${certificates}}\nagent: {binary_path: ${path}}\n`;
    const messages = check(text).map(({ message }) => message);
    expect(messages).toHaveLength(reasons.length);
    for (const reason of reasons) expect(messages[0]).toContain(reason);
  });
});
