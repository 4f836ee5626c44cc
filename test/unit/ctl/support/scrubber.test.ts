import { describe, expect, test } from 'vitest';
import { Scrubber } from '../../../../src/ctl/support/scrubber.ts';
import { knownSecrets, withoutSecrets } from '../../../../src/ctl/support/secrets.ts';
import { parseConfig } from '../../../../src/shared/config/load.ts';
import { isSecretName } from '../../../../src/shared/secrets/rules.ts';

const scrub = (text: string, ...known: string[]): string => new Scrubber(known).scrub(text);
const KEY = `-----BEGIN PRIVATE KEY-----\nMIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8\nAgEAAkEAq7BFUpkGp3\n-----END PRIVATE KEY-----`;

describe('what looks like a secret', () => {
  test.each([
    [KEY, '[removed]'],
    [JSON.stringify({ msg: KEY }), '{"msg":"[removed]"}'],
    ['AgEAAkEAq7BFUpkGp3\n-----END RSA PRIVATE KEY-----\nnext', '[removed]\nnext'],
    ['-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE', '[removed]'],
    ['postgres://admin:hunter2@db:5432/x', 'postgres://[removed]@db:5432/x'],
    ['GET /x?token=abc123&page=2', 'GET /x?token=[removed]&page=2'],
    ['https://h/x?access_token=abc123#f', 'https://h/x?access_token=[removed]'],
    ['{"password":"pa\\"ss word","user":"x"}', '{"password":"[removed]","user":"x"}'],
    ['{"msg":"sent {\\"api_key\\":\\"abc\\"}"}', '{"msg":"sent {\\"api_key\\":\\"[removed]\\"}"}'],
    ["{'secret': 'abc def'}", "{'secret': '[removed]'}"],
    ['db_password: hunter2', 'db_password: [removed]'],
    ['DB_PASSWORD=hunter2 USER=x', 'DB_PASSWORD=[removed] USER=x'],
    ['run --api-token abc --verbose', 'run --api-token [removed] --verbose'],
    ['run --password=abc', 'run --password=[removed]'],
    ['Authorization: Custom abc def', 'Authorization: [removed]'],
    ['{"authorization":"Basic dXNlcjpwYXNz"}', '{"authorization":"[removed]"}'],
    ['Cookie: session=abc; other=def', 'Cookie: [removed]'],
    ['sent Bearer abc.def-ghi to it', 'sent Bearer [removed] to it'],
    ['got eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4', 'got [removed]'],
    ['AKIAIOSFODNN7EXAMPLE', '[removed]'],
    ['ghp_abcdefghijklmnopqrstuvwxyz0123456789', '[removed]'],
  ])('%j', (text, clean) => {
    expect(scrub(text)).toBe(clean);
  });

  test.each([
    ['key_passphrase_file: /etc/daemon/passphrase'],
    ['{"tokenFile":1,"level":"info","msg":"agent started"}'],
    ['https://manager.example.com:9090/path?page=2'],
    ['2026-01-01 INFO 12 agents, 3 failed: see log'],
    ['VmRSS:\t   14000 kB'],
    ['-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'],
  ])('and what does not stays: %j', (text) => {
    expect(scrub(text)).toBe(text);
  });

  test('a hostile line takes no time', () => {
    const started = performance.now();
    for (const unit of ['"password', '\\"', 'a.', '-----BEGIN PRIVATE KEY-----', 'token="', '--token '])
      scrub(unit.repeat(100_000 / unit.length));
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

test('what is known goes wherever it stands, in JSON and URLs too, the longer one first', () => {
  const scrubber = new Scrubber(['pa"ss/1', 'pa"ss/1 and more']);
  const text = ['bare pa"ss/1', JSON.stringify('pa"ss/1'), encodeURIComponent('pa"ss/1'), 'pa"ss/1 and more'].join(
    '\n',
  );
  expect(scrubber.scrub(text)).toBe('bare [removed]\n"[removed]"\n[removed]\n[removed]');
  expect(Object.fromEntries(scrubber.counts)).toEqual({ 'values of the configuration': 4 });
});

test.each([
  ['db_password', true],
  ['API-KEY', true],
  ['--auth-token', true],
  ['key_file', false],
  ['token_file', false],
  ['keepalive', false],
])('%s is a name of a secret: %s', (name, is) => {
  expect(isSecretName(name)).toBe(is);
});

describe('a configuration', () => {
  const text = `
daemon: {grpc_port: 0}
manager:
  address: m:9090
  tls: off
  proxy: http://user:proxy%20word@proxy:3128
agents:
  - id: a
    type: custom
    binary_path: /bin/a
    args: [--password, after-flag, --api-token=in-flag, --dsn, 'pg://u:in-url@h/d', --verbose]
    env: {PLAIN: under-a-plain-name, DB_PASSWORD: hunt, PATH_LIKE: /usr/share/thing, SHORT: abc, N: '12345'}
`;
  const { config, diagnostics } = parseConfig(text, 'daemon.yaml');

  test('its secrets word by word', () => {
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    const expected = ['under-a-plain-name', 'hunt', 'in-url', 'in-flag', 'after-flag', 'proxy%20word', 'proxy word'];
    expect(config && knownSecrets(config).toSorted()).toEqual(expected.toSorted());
  });

  test('without them, names of the environment kept', () => {
    const shown = withoutSecrets({
      agents: [{ id: 'a', args: ['--password', 'x', '-v', '--token', 'y'], env: { A: '1', B: '2' } }],
      plugin: { api_key: 'z', key_file: '/f' },
    });
    expect(shown).toEqual({
      agents: [
        {
          id: 'a',
          args: ['--password', '[removed]', '-v', '--token', '[removed]'],
          env: { A: '[removed]', B: '[removed]' },
        },
      ],
      plugin: { api_key: '[removed]', key_file: '/f' },
    });
  });
});
