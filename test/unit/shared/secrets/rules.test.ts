import { describe, expect, test } from 'vitest';
import { isSecretName, scrub, scrubArgs, takeOutSecrets } from '../../../../src/shared/secrets/rules.ts';

describe('scrub', () => {
  const key = '-----BEGIN EC PRIVATE KEY-----\\nMHcCAQEE\\n-----END EC PRIVATE KEY-----';
  const cases: [text: string, clean: string][] = [
    [`{"a":"x ${key} y"}`, '{"a":"x [private key] y"}'],
    ['{"a":"-----BEGIN PRIVATE KEY-----\\nMHc"}', '{"a":"[private key]'],
    ['MHcCAQEE\n-----END PRIVATE KEY-----\nnext', '[private key]\nnext'],
    ['{"url":"https://joe:hunter2@host/x"}', '{"url":"https://[credentials]@host/x"}'],
    ['pg://app:an@in:it@host/x', 'pg://[credentials]@host/x'],
    ['{"dbPassword":"a\\"b","n":1}', '{"dbPassword":"[secret]","n":1}'],
    ['{"api_key" : "abc"}', '{"api_key" : "[secret]"}'],
    ['{"m":"GET /x?token=abc&y=1"}', '{"m":"GET /x?token=[secret]&y=1"}'],
    ['DB_PASSWORD=hunter2', 'DB_PASSWORD=[secret]'],
    ['DB_PASSWORD=hun,t(e)r;2] next', 'DB_PASSWORD=[secret] next'],
    [
      'SMTP_PASS=a MYSQL_PWD=b ACCESS_KEY=c SIGNING_KEY=d',
      'SMTP_PASS=[secret] MYSQL_PWD=[secret] ACCESS_KEY=[secret] SIGNING_KEY=[secret]',
    ],
    ['db_password: x', 'db_password: [secret]'],
    ['db_password:\n  x', 'db_password:\n  [secret]'],
    ['password=\'a "b" c\' next', "password='[secret]' next"],
    ['password="never ended', 'password="[secret]"'],
    ['Authorization: Bearer abc', 'Authorization: [secret]'],
    ['{"m":"sent\\nAuthorization: Basic abc\\nHost: x"}', '{"m":"sent\\nAuthorization: [secret]\\nHost: x"}'],
    ['{"m":"\\neyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.Sfl","n":1}', '{"m":"\\n[secret]","n":1}'],
    ['run --token x --verbose', 'run --token [secret] --verbose'],
    ['{"args":["--password","hunter2","-v"]}', '{"args":["--password","[secret]","-v"]}'],
    ['{"m":"sent {\\"secret\\":\\"a\\\\\\"b\\",\\"n\\":1}"}', '{"m":"sent {\\"secret\\":\\"[secret]\\",\\"n\\":1}"}'],
    ['{"m":"password=a\\\\b\\nnext"}', '{"m":"password=[secret]\\nnext"}'],
    ['{"token":4711,"tokens":["a","b"],"n":1}', '{"token":"[secret]","tokens":"[secret]","n":1}'],
  ];
  test.each(cases)('%s', (text, clean) => expect(scrub(text)).toBe(clean));

  test.each(cases)('once more changes nothing: %s', (_, clean) => expect(scrub(clean)).toBe(clean));

  test.each(cases.filter(([, clean]) => clean.startsWith('{') && clean.endsWith('}')))(
    'JSON stays JSON: %s',
    (text, clean) => expect(JSON.parse(scrub(text))).toEqual(JSON.parse(clean)),
  );

  test.each([
    '{"m":"mail joe@host, key_file /etc/x.key"}',
    'manager.tls.key_passphrase_file: /etc/daemon/passphrase',
    '{"tokenFile":1,"event":"agent-started","agentId":"auth-proxy"}',
    'https://manager.example.com:9090/path?page=2',
    'ended with code 3: cannot bind 127.0.0.1:80',
    'secrets:\n  file: /x',
    '12 passed: 3 skipped',
    '{"m":"enter the password:","n":1}',
    '{"m":"{\\"of\\":\\"the token=\\",\\"n\\":1}"}',
    '{"m":"give it with --password","n":1}',
    '{"n":1,"m":"give it with --password "}',
  ])('stays: %j', (text) => expect(scrub(text)).toBe(text));

  // what a name, a quote or a beginning is looked for in, and what never ends
  const UNITS = [
    ...['"password', 'password', 'passwor', 'api-key-', 'authorization', 'bearer ', 'password=', 'password: '],
    ...['password:\n', "token='", 'token="', 'token=\\"', 'token=\\\\\\"', '"token":[', '--token ', '-', '\n', ' '],
    ...['\\', '"', "'", '=', '@', '://', 'http://a@', 'eyJ', '-eyJabcdef', 'a.', '-----BEGIN PRIVATE KEY-----'],
    ...['-----BEGIN ', '-----END A', "token='\\"],
  ];
  test.each(UNITS)('a hostile text of 300,000 characters takes no time: %j', (unit) => {
    for (const begin of ['', 'token=\\"', '"token":"', "--token '"]) {
      const text = begin + unit.repeat(300_000 / unit.length);
      const started = performance.now();
      scrub(text);
      expect(performance.now() - started).toBeLessThan(2000);
    }
  });
});

test('each that is found is told by its kind', () => {
  const kinds: string[] = [];
  const mark = (kind: string): string => `<${kinds.push(kind)}>`;
  expect(takeOutSecrets('http://u:p@h/ Cookie: a\ntoken=b', mark)).toBe('http://<1>@h/ Cookie: <2>\ntoken=<3>');
  expect(kinds).toEqual(['credentials in URLs', 'headers', 'values by their names']);
});

test('what was taken out by another is left as it is', () => {
  for (const text of ['password=[secret] x', 'token: "[removed]"', '{"secret":"[secret]"}'])
    expect(takeOutSecrets(text, () => 'again')).toBe(text);
});

test.each([
  ['MYSQL_PWD', true],
  ['ACCESS_KEY', true],
  ['SIGNING_KEY', true],
  ['dbPass', true],
  ['Authorization', true],
  ['passenger', false],
  ['token_file', false],
  ['tokenPath', false],
  ['public_key', false],
])('%s is a name of a secret: %s', (name, is) => expect(isSecretName(name)).toBe(is));

test('arguments: behind a name, after its =, and by their form', () => {
  const args = ['--password', 'x y', '-v', '--token=a b&c', '--dsn=pg://u:p@h/d', '--key-file', '/k', 'run --secret z'];
  expect(scrubArgs(args)).toEqual([
    ...['--password', '[secret]', '-v', '--token=[secret]', '--dsn=pg://[credentials]@h/d', '--key-file', '/k'],
    'run --secret [secret]',
  ]);
});
