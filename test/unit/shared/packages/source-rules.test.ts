import { describe, expect, test } from 'vitest';
import { DaemonError, describe as inWords } from '../../../../src/shared/errors/daemon-error.ts';
import {
  firstHop,
  getsIdentity,
  type Hop,
  isLoopbackHost,
  nextHop,
  normalHost,
  type SourceRules,
  shownUrl,
} from '../../../../src/shared/packages/source-rules.ts';

const RULES: SourceRules = {
  trustedHosts: ['Packages.example.', '127.0.0.1', 'localhost', '[::1]', '2001:DB8:0:0::1', 'bücher.example'],
  allowHttpLoopback: true,
};

function refusalOf(act: () => unknown): DaemonError {
  try {
    act();
  } catch (error) {
    if (error instanceof DaemonError) return error;
    throw error;
  }
  return expect.unreachable('it should have been refused');
}

describe('firstHop', () => {
  test.each([
    'https://packages.example/a.tar.gz',
    'https://PACKAGES.EXAMPLE:8443/a',
    'https://packages.example./a',
    'HTTPS://packages.example/a',
    'https://[2001:db8::1]:444/a',
    'https://xn--bcher-kva.example/a',
    'http://127.0.0.1:8080/a',
    'http://127.1/a',
    'http://LocalHost/a',
    'http://[::1]:80/a',
  ])('%s is taken', (url) => {
    expect(firstHop(url, RULES).url.href).toBe(new URL(url.replace('./', '/')).href);
  });

  test.each([
    ['https://elsewhere.example/a', 'add elsewhere.example to update.trusted_hosts'],
    ['https://packages.example.elsewhere.example/a', 'update.trusted_hosts'],
    ['https://sub.packages.example/a', 'update.trusted_hosts'],
    ['https://packages.example@elsewhere.example/a', 'add elsewhere.example'],
    ['http://packages.example/a', 'only https:// is'],
    ['http://127.0.0.1.elsewhere.example/a', 'only https:// is'],
    ['http://[::ffff:127.0.0.1]/a', 'only https:// is'],
    ['http://[2001:db8::1]/a', 'only https:// is'],
    ['ftp://packages.example/a', 'only https:// is'],
    ['file:///etc/passwd', 'not taken from file:: only'],
    ['data:text/plain,a', 'not taken from data:: only'],
    ['', 'malformed'],
    ['/a.tar.gz', 'malformed'],
    ['https://', 'malformed'],
    ['https://pack ages.example/', 'malformed'],
    ['https://packages.example:99999/', 'malformed'],
  ])('%s is refused', (url, reason) => {
    const { code, message } = refusalOf(() => firstHop(url, RULES));
    expect(code).toBe('D4002');
    expect(message).toContain(reason);
    expect(message).toMatch(/\(check: source\)$/);
  });

  test('plain http on loopback needs to be allowed, and the host to be trusted', () => {
    const url = 'http://127.0.0.1/a';
    expect(refusalOf(() => firstHop(url, { ...RULES, allowHttpLoopback: false })).message).toContain(
      'update.allow_http_loopback',
    );
    expect(refusalOf(() => firstHop(url, { ...RULES, trustedHosts: [] })).message).toContain('add 127.0.0.1 to');
  });

  test.each([
    'https://us3r:p4ss@elsewhere.example/a?token=t0k3n#fr4g',
    'http://us3r:p4ss@packages.example/a?token=t0k3n',
    'https://us3r:p4ss@pack ages.example/a?token=t0k3n',
    'https://us3r:p4?ss@elsewhere.example:port/a?token=t0k3n',
    'mailto:us3r:p4ss@elsewhere.example?token=t0k3n',
  ])('%s: neither credentials nor query are shown', (url) => {
    const { message } = refusalOf(() => firstHop(url, RULES));
    expect(message).not.toMatch(/us3r|p4|t0k3n|fr4g/);
  });

  test.each([
    ['https://packages.example/a', null],
    ['https://user:secret@packages.example/a', 'user:secret'],
    ['https://user@packages.example/a', 'user:'],
    ['https://:secret@packages.example/a', ':secret'],
    ['https://us%C3%A9r:a%3Ab%40c@packages.example/a', 'usér:a:b@c'],
    ['https://user:100%25%@packages.example/a', 'user:100%25%'],
  ])('%s: credentials go into a header, and out of the URL', (url, pair) => {
    const { url: bare, authorization } = firstHop(`${url}#fragment`, RULES);
    expect(bare.href).toBe('https://packages.example/a');
    expect(authorization).toBe(pair === null ? null : `Basic ${Buffer.from(pair).toString('base64')}`);
  });
});

describe('nextHop', () => {
  const first = (url: string): Hop => firstHop(url, RULES);

  test.each([
    ['/b?x=1', 'https://packages.example/b?x=1', true],
    ['b', 'https://packages.example/dir/b', true],
    ['https://packages.example:443/b', 'https://packages.example/b', true],
    ['https://other:pair@packages.example/b', 'https://packages.example/b', true],
    ['https://packages.example:8443/b', 'https://packages.example:8443/b', false],
    ['//localhost/b', 'https://localhost/b', false],
    ['http://127.0.0.1/b', 'http://127.0.0.1/b', false],
  ])('to %s', (location, href, keepsCredentials) => {
    const from = first('https://user:secret@packages.example/dir/a');
    const hop = nextHop(from, location, RULES);
    expect(hop.url.href).toBe(href);
    expect(hop.authorization).toBe(keepsCredentials ? from.authorization : null);
  });

  test('credentials do not come back with the way', () => {
    const away = nextHop(first('https://user:secret@packages.example/'), 'https://localhost/', RULES);
    expect(nextHop(away, 'https://packages.example/', RULES).authorization).toBeNull();
  });

  test.each([
    [undefined, 'missing'],
    ['', 'missing'],
    ['https://[', 'malformed'],
    ['http://', 'malformed'],
  ])('to %s: leads nowhere', (location, reason) => {
    const { code, message } = refusalOf(() => nextHop(first('https://packages.example/a?t=t0k3n'), location, RULES));
    expect(code).toBe('D4001');
    expect(message).toBe(`https://packages.example/a redirects, but where to is ${reason}`);
  });

  test.each([
    ['https://us3r:p4ss@elsewhere.example/b?t0k3n', 'update.trusted_hosts'],
    ['http://packages.example/b', 'only https:// is'],
    ['file:///etc/passwd', 'only https:// is'],
  ])('to %s: is not followed', (location, reason) => {
    const refused = refusalOf(() => nextHop(first('https://packages.example/a'), location, RULES));
    expect(refused.code).toBe('D4002');
    expect(refused.message).toMatch(/^https:\/\/packages\.example\/a redirects .*\(check: source\)$/);
    expect(inWords(refused)).toContain(reason);
    expect(inWords(refused)).not.toMatch(/us3r|p4ss|t0k3n/);
  });
});

describe('getsIdentity', () => {
  test.each([
    ['https://manager.example/a', 'manager.example', true],
    ['https://MANAGER.example.:9000/a', 'manager.Example', true],
    ['https://[::1]/a', '::1', true],
    ['http://127.0.0.1/a', '127.0.0.1', false],
    ['https://elsewhere.example/a', 'manager.example', false],
    ['https://manager.example/a', '', false],
  ])('%s where it is for %j: %s', (url, identityHost, expected) => {
    expect(getsIdentity(new URL(url), identityHost === '' ? [] : ['other.example', identityHost])).toBe(expected);
  });
});

test('what is not a host stays what it is, and is none of loopback', () => {
  expect(normalHost('no host/')).toBe('no host/');
  expect(['127.evil.example', '128.0.0.1', '::2', 'localhost.example', ''].filter(isLoopbackHost)).toEqual([]);
});

test('a long URL is cut', () => {
  expect(shownUrl(new URL(`https://a.example/${'x'.repeat(5000)}`)).length).toBeLessThan(310);
});
