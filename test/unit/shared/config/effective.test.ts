import { describe, expect, test } from 'vitest';
import { effectiveConfig } from '../../../../src/shared/config/effective.ts';
import { parseConfig } from '../../../../src/shared/config/parse.ts';

function effective(text: string): Record<string, Record<string, unknown>> {
  const { config } = parseConfig(text, 'daemon.yaml');
  if (!config) throw new Error('the configuration is invalid');
  return effectiveConfig(config) as Record<string, Record<string, unknown>>;
}

const MANAGER = 'manager: { address: "m:9090" }\n';

describe('effectiveConfig', () => {
  test('has what the file says and the defaults, under the file’s keys', () => {
    const { daemon, manager, update } = effective(`${MANAGER}daemon: { log_level: debug }\n`);
    expect(daemon).toMatchObject({ log_level: 'debug', grpc_port: 9091, work_dir: '/var/lib/daemon' });
    expect(manager).toMatchObject({ address: 'm:9090', heartbeat_interval: '1m', timeout: '30s' });
    expect(update).toMatchObject({ max_backups: 5, verify_timeout: '5m', trusted_hosts: [] });
  });

  test('is a configuration that means the same, environments aside', () => {
    const text = `${MANAGER}agents:\n  - { id: a, type: custom, binary_path: /bin/a, limits: { core: 0 }, env: { A: "[secret]" } }\n`;
    const { config } = parseConfig(text, 'a');
    const again = parseConfig(JSON.stringify(effective(text)), 'b');
    expect(again.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(again.config).toEqual(config);
  });

  test('shows no secret, at whatever depth', () => {
    const text = `${MANAGER}agents:
  - id: a
    type: custom
    binary_path: /bin/a
    args: ["--api-token=t0p", "http://joe:pw@host/x", plain, --password, "pla nted", "run --token=n0t now"]
    version_args: [--auth-token, planted]
    env: { DB_PASSWORD: hidden, MYSQL_PWD: hidden, MODE: hidden, EMPTY: "" }
collectors:
  queue:
    module: /m.mjs
    options:
      { url: "amqp://u:p@h/", auth: { secret: s3, depth: 2 }, credentials: { of: [planted, 4711] }, ACCESS_KEY: planted }
`;
    const shown = JSON.stringify(effective(text));
    for (const secret of ['t0p', 'joe', 'pw@', 'hidden', 'u:p', 's3', 'planted', 'nted', 'n0t', '4711'])
      expect(shown).not.toContain(secret);
    expect(effective(text)['agents']).toMatchObject([
      {
        args: [
          ...['--api-token=[secret]', 'http://[credentials]@host/x', 'plain', '--password', '[secret]'],
          'run --token=[secret] now',
        ],
        version_args: ['--auth-token', '[secret]'],
        env: { DB_PASSWORD: '[secret]', MYSQL_PWD: '[secret]', MODE: '[secret]', EMPTY: '[secret]' },
      },
    ]);
    expect(effective(text)['collectors']).toMatchObject({
      queue: {
        options: {
          ...{ auth: { secret: '[secret]', depth: 2 }, credentials: { of: ['[secret]', '[secret]'] } },
          ACCESS_KEY: '[secret]',
        },
      },
    });
  });

  test('shows one address as a text, several as a list, plaintext as off, and no credentials of a proxy', () => {
    const of = (manager: string): Record<string, unknown> | undefined =>
      effective(`manager: ${manager}\nserver: {tls: off}\n`)['manager'];
    expect(of('{address: ["a:1", "b:1"], tls: off}')).toMatchObject({ address: ['a:1', 'b:1'], tls: 'off' });
    expect(of('{address: "a:1", proxy: "http://u:p@x:1"}')).toMatchObject({ proxy: 'http://[credentials]@x:1' });
  });
});
