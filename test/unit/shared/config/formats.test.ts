import { describe, expect, it } from 'vitest';
import {
  type Parsed,
  parseAddress,
  parseDuration,
  parseHttpUrl,
  parseLoopbackAddress,
  parsePath,
  parseSize,
  shown,
} from '../../../../src/shared/config/formats.ts';

/** The value, or the hint of a refusal. */
function outcome<T>(parsed: Parsed<T>): T | { hint: string } {
  return parsed.ok ? parsed.value : { hint: parsed.hint };
}

describe('parseDuration', () => {
  it.each([
    ['30s', 30_000],
    ['1m30s', 90_000],
    ['500ms', 500],
    ['1h', 3_600_000],
    ['0s', 0],
    ['0', 0],
    ['1.5h', 5_400_000],
    ['1.1s', 1100],
    ['.5s', 500],
    ['2h45m10.25s', 9_910_250],
    ['100h', 360_000_000],
  ])('%s is %d ms', (text, ms) => {
    expect(outcome(parseDuration(text))).toBe(ms);
  });

  it.each([
    ['30', 'write `30s`'],
    ['30 s', 'write `30s`'],
    ['30S', 'write `30s`'],
    ['30 seconds', 'write `30s`'],
    ['5min', 'write `5m`'],
    ['2hrs', 'write `2h`'],
    ['250 millis', 'write `250ms`'],
    ['2d', 'write `48h`'],
    ['soon', ''],
    ['', ''],
    ['-5s', ''],
    ['s', ''],
    ['.s', ''],
    ['1m 30s', ''],
    ['1.5.5s', ''],
    ['10us', ''],
    ['0.1ms', ''],
    ['99999999999999999h', ''],
  ])('refuses %j, hint %j', (text, hint) => {
    expect(outcome(parseDuration(text))).toEqual({ hint });
  });
});

describe('parseSize', () => {
  it.each([
    ['1B', 1],
    ['1KB', 1000],
    ['1KiB', 1024],
    ['500MB', 500_000_000],
    ['500MiB', 524_288_000],
    ['500 MiB', 524_288_000],
    ['1.5GB', 1_500_000_000],
    ['2GiB', 2_147_483_648],
    ['1TB', 1_000_000_000_000],
    ['1TiB', 1_099_511_627_776],
  ])('%s is %d bytes', (text, bytes) => {
    expect(outcome(parseSize(text))).toBe(bytes);
  });

  it.each([
    ['500M', 'write `500MB`'],
    ['500mb', 'write `500MB`'],
    ['1gib', 'write `1GiB`'],
    ['64k', 'write `64KB`'],
    ['1Gi', 'write `1GiB`'],
    ['500', 'write `500`'],
    ['-1MB', ''],
    ['much', ''],
    ['MB', ''],
    ['9999999TiB', ''],
  ])('refuses %j, hint %j', (text, hint) => {
    expect(outcome(parseSize(text))).toEqual({ hint });
  });
});

describe('parseAddress', () => {
  it.each([
    'manager.example.com:9090',
    'localhost:1',
    '127.0.0.1:65535',
    '[::1]:9090',
    '[fe80::1]:9090',
    'under_score:80',
    'a.:80',
  ])('takes %s', (text) => {
    expect(outcome(parseAddress(text))).toBe(text);
  });

  it.each([
    ['https://manager:9090', 'leave `https://` away'],
    ['manager', 'add the port, such as `manager.example.com:9090`'],
    ['', 'add the port, such as `manager.example.com:9090`'],
    ['::1', 'an IPv6 address stands in brackets: `[::1]:9090`'],
    ['manager:', 'the port is a number from 1 to 65535'],
    ['manager:0', 'the port is a number from 1 to 65535'],
    ['manager:65536', 'the port is a number from 1 to 65535'],
    [':9090', ''],
    ['[::g]:9090', ''],
    ['[manager]:9090', ''],
    ['300.1.1.1:9090', ''],
    ['1.2.3:9090', ''],
    ['a b:9090', ''],
    ['-a:9090', ''],
    ['a..b:9090', ''],
    [`${'a'.repeat(64)}:9090`, ''],
  ])('refuses %j, hint %j', (text, hint) => {
    expect(outcome(parseAddress(text))).toEqual({ hint });
  });
});

describe('parsePath', () => {
  it.each([
    ['/var/lib', '/var/lib'],
    ['/', '/'],
    ['var/lib', { hint: 'begin with `/`' }],
    ['./a', { hint: 'begin with `/`' }],
    ['~/a', { hint: '`~` and variables are not expanded' }],
    ['$HOME/a', { hint: '`~` and variables are not expanded' }],
    ['-', { hint: 'begin with `/`' }],
  ])('%j', (text, expected) => {
    expect(outcome(parsePath(text))).toEqual(expected);
  });
});

describe('parseHttpUrl', () => {
  it.each([
    ['http://localhost:9100/metrics', 'http://localhost:9100/metrics'],
    ['HTTPS://[::1]/', 'HTTPS://[::1]/'],
    ['localhost:9100/metrics', { hint: 'write `http://localhost:9100/metrics`' }],
    ['ftp://host/', { hint: '' }],
    ['http://', { hint: '' }],
    ['http://a b/', { hint: '' }],
    ['file:///etc/passwd', { hint: '' }],
  ])('%j', (text, expected) => {
    expect(outcome(parseHttpUrl(text))).toEqual(expected);
  });
});

describe('shown', () => {
  it('escapes control characters and shortens', () => {
    expect(shown('a\u001b[31m\n')).toBe('`a\\u001b[31m\\n`');
    expect(shown('say "x"')).toBe('`say "x"`');
    expect(shown('x'.repeat(61))).toBe(`\`${'x'.repeat(57)}...\``);
    expect(shown('x'.repeat(60))).toBe(`\`${'x'.repeat(60)}\``);
  });
});

describe('parseLoopbackAddress', () => {
  it.each(['127.0.0.1:9092', '127.255.3.4:1', '[::1]:65535'])('takes %s', (text) => {
    expect(outcome(parseLoopbackAddress(text))).toBe(text);
  });

  it.each([
    ['0.0.0.0:9092', 'it asks nobody who they are, so that it is served to this host alone'],
    ['[::]:9092', 'it asks nobody who they are, so that it is served to this host alone'],
    ['10.0.0.1:9092', 'it asks nobody who they are, so that it is served to this host alone'],
    ['127.0.0.1.example.com:9092', 'it asks nobody who they are, so that it is served to this host alone'],
    ['[::ffff:127.0.0.1]:9092', 'it asks nobody who they are, so that it is served to this host alone'],
    ['localhost:9092', 'write `127.0.0.1:9092`'],
    ['localhost', ''],
    ['127.0.0.1', ''],
    ['127.0.0.1:0', ''],
    ['127.0.0.1:65536', ''],
    ['127.0.0:9092', ''],
    ['::1:9092', ''],
    [':9092', ''],
    ['http://127.0.0.1:9092', ''],
  ])('refuses %s', (text, hint) => {
    expect(outcome(parseLoopbackAddress(text))).toEqual({ hint });
  });
});
