import { describe, expect, test } from 'vitest';
import { withoutSecrets } from '../../../../src/main/server/config-view.ts';

describe('an agent’s file without its secrets', () => {
  test.each([
    ['password: a "b" \'c\' d # e', 'password: "[secret]"'],
    ['- api_key = x, y', '- api_key = "[secret]"'],
    ['export MYSQL_PWD=x y', 'export MYSQL_PWD="[secret]"'],
    ['  "signing_key": "a\\"b"', '  "signing_key": "[secret]"'],
    ['a: 1\n  secret: |\n    one\n\n    two\n  b: 2', 'a: 1\n  secret: "[secret]"\n  b: 2'],
    ['text: |\n  one\nsecret: >-\n  two', 'text: |\n  one\nsecret: "[secret]"'],
    ['password:\n  hunter2\nuser: x', 'password:\n  [secret]\nuser: x'],
    ['args: [--token, abc, -v]', 'args: [--token, abc, -v]'],
    ['run: agent --token abc -v', 'run: agent --token [secret] -v'],
    ['[http]\nheaders = {"Authorization" = "Bearer abc"}', '[http]\nheaders = {"Authorization" = "[secret]"}'],
    ['{"user":"joe","password":"x","n":1}', '{"user":"joe","password":"[secret]","n":1}'],
  ])('%j', (text, clean) => expect(withoutSecrets(text)).toBe(clean));

  test.each(['user: joe\n\ntoken_file: /x\n', 'tokens:\n  - file: /x\n', 'a\r\nb: |\r\n  c\r\n'])('stays: %j', (text) =>
    expect(withoutSecrets(text)).toBe(text),
  );

  test.each(['\n', ' ', '\n ', 'a', 'password', 'password: |\n', '- ', '"a', 'a:'])(
    'a mebibyte of %j takes no time',
    (unit) => {
      const started = performance.now();
      withoutSecrets(unit.repeat(1024 * 1024).slice(0, 1024 * 1024));
      expect(performance.now() - started).toBeLessThan(4000);
    },
  );
});
