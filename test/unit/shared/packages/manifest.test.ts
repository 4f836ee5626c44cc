import { describe, expect, test } from 'vitest';
import type { PackageManifest } from '../../../../src/shared/contracts/update.ts';
import {
  checkManifest,
  type ExpectedPackage,
  parseManifest,
  parseTime,
  renderManifest,
} from '../../../../src/shared/packages/manifest.ts';
import { refusalOf } from './openssl-peer.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const NOW_MS = Date.UTC(2026, 0, 31, 12);
const SHA256 = '0123456789abcdef'.repeat(4);

const DAEMON: PackageManifest = {
  component: 'daemon',
  agent: '',
  version: '1.2.3',
  platform: 'linux',
  arch: 'x64',
  size: 12_345_678,
  sha256: SHA256,
  createdMs: NOW_MS - DAY_MS,
  expiresMs: NOW_MS + 89 * DAY_MS,
  allowDowngrade: false,
};
const AGENT: PackageManifest = { ...DAEMON, component: 'agent', agent: 'filebeat', allowDowngrade: true };

/** The manifest's values as they stand in its text, some of them changed; `undefined` takes one out. */
function text(over: Record<string, unknown> = {}, of: PackageManifest = DAEMON): string {
  return JSON.stringify({ ...JSON.parse(renderManifest(of)), ...over });
}

async function refusal(work: () => unknown, check: string): Promise<string> {
  const { code, message } = await refusalOf(work);
  expect(code).toBe('D4002');
  expect(message).toMatch(new RegExp(`\\(check: ${check}\\)$`));
  return message;
}

describe('the text', () => {
  test('is the same for the same manifest, and ends with a newline', () => {
    expect(renderManifest(DAEMON)).toBe(`{
  "format": 1,
  "component": "daemon",
  "version": "1.2.3",
  "platform": "linux",
  "arch": "x64",
  "size": 12345678,
  "sha256": "${SHA256}",
  "created": "2026-01-30T12:00:00.000Z",
  "expires": "2026-04-30T12:00:00.000Z"
}
`);
  });

  test.each([
    ['daemon', DAEMON],
    ['agent', AGENT],
    ['largest size', { ...DAEMON, size: Number.MAX_SAFE_INTEGER }],
    ['a version with everything', { ...DAEMON, version: '10.20.30-rc.1+build.5' }],
    ['a version of two parts', { ...DAEMON, version: '1.10' }],
    ['a version of four parts', { ...DAEMON, version: '1.2.3.4' }],
    ['the longest version', { ...DAEMON, version: `1.2.${'3'.repeat(46)}` }],
  ])('comes back as it was: %s', (_what, manifest) => {
    expect(parseManifest(renderManifest(manifest))).toEqual(manifest);
  });

  test('a hash in upper case and times in whole seconds are taken', () => {
    const parsed = parseManifest(text({ sha256: SHA256.toUpperCase(), created: '2026-01-30T12:00:00Z' }));
    expect(parsed).toEqual(DAEMON);
  });

  test('`allow_downgrade: false` may be said', () => {
    expect(parseManifest(text({ allow_downgrade: false })).allowDowngrade).toBe(false);
  });
});

describe('a malformed text names the key', () => {
  test.each<[string, Record<string, unknown>]>([
    ['format', { format: 2 }],
    ['format', { format: '1' }],
    ['format', { format: undefined }],
    ['component', { component: 'manager' }],
    ['component', { component: null }],
    ['component', { component: ['daemon'] }],
    ['component', { component: undefined }],
    ['agent', { agent: 'filebeat' }],
    ['agent', { component: 'agent' }],
    ['agent', { component: 'agent', agent: '' }],
    ['agent', { component: 'agent', agent: '../x' }],
    ['version', { version: 123 }],
    ['version', { version: '' }],
    ['version', { version: '1' }],
    ['version', { version: 'v1.2.3' }],
    ['version', { version: '1.2.3/..' }],
    ['version', { version: '1.2.3\n' }],
    ['version', { version: `1.2.${'3'.repeat(47)}` }],
    ['version', { version: undefined }],
    ['platform', { platform: 'Linux' }],
    ['platform', { platform: true }],
    ['arch', { arch: '' }],
    ['arch', { arch: { x: 1 } }],
    ['size', { size: 0 }],
    ['size', { size: -1 }],
    ['size', { size: 1.5 }],
    ['size', { size: '12' }],
    ['size', { size: Number.MAX_SAFE_INTEGER + 1 }],
    ['size', { size: undefined }],
    ['sha256', { sha256: SHA256.slice(1) }],
    ['sha256', { sha256: `g${SHA256.slice(1)}` }],
    ['created', { created: '2026-01-30' }],
    ['created', { created: '2026-01-30T12:00:00+01:00' }],
    ['created', { created: '2026-02-30T12:00:00Z' }],
    ['created', { created: '2026-13-01T12:00:00Z' }],
    ['created', { created: 1_700_000_000 }],
    ['expires', { expires: 'never' }],
    ['expires', { expires: '2026-01-30T11:59:59Z' }],
    ['expires', { expires: '2026-01-30T12:00:00Z' }],
    ['allow_downgrade', { allow_downgrade: 'yes' }],
    ['allow_downgrade', { allow_downgrade: null }],
    ['key "notes"', { notes: '' }],
    ['key "__proto_"', { __proto_: 1 }],
  ])('%s: %j', async (key, over) => {
    expect(await refusal(() => parseManifest(text(over)), 'manifest')).toContain(`the manifest's ${key} `);
  });

  test.each([
    ['not JSON', '{"format": 1,}', 'is not JSON'],
    ['empty', '', 'is not JSON'],
    ['with a byte order mark', `\ufeff${text()}`, 'is not JSON'],
    ['followed by another', `${text()}${text()}`, 'is not JSON'],
    ['a list', '[]', 'is a list'],
    ['null', 'null', 'is null'],
    ['a text', '"{}"', 'is "{}"'],
    ['too long', `${text()}${' '.repeat(16 * 1024)}`, '16384 are the most'],
    ['too long in bytes', text({ version: 'é'.repeat(8200) }), '16384 are the most'],
    ['key twice', text().replace('{', '{"version":"9.9.9",'), 'key "version" stands in it twice'],
    ['key twice, once escaped', text().replace('{', '{"versio\\u006e" :"9.9.9",'), 'key "version" stands in it twice'],
    ['key twice, far down', text({ x: 0 }).replace('"x":0', '"x":[{"y":1,"y":2}]'), 'key "y" stands in it twice'],
    ['__proto__', text().replace('{', '{"__proto__":{},'), 'key "__proto__" is not known'],
    ['nested ever deeper', '['.repeat(16_000), 'is not JSON'],
  ])('%s', async (_what, json, says) => {
    expect(await refusal(() => parseManifest(json), 'manifest')).toContain(says);
  });

  test('braces, quotes and colons within a text are not taken for structure', async () => {
    const message = await refusal(() => parseManifest(text({ version: '}{"version":"' })), 'manifest');
    expect(message).toContain("the manifest's version is");
  });

  test('what is shown of it is short and in one line', async () => {
    const message = await refusal(() => parseManifest(text({ version: `1\n${'x'.repeat(5000)}` })), 'manifest');
    expect(message.length).toBeLessThan(250);
    expect(message).not.toContain('\n');
  });
});

test.each([
  ['2026-01-31T12:00:00Z', NOW_MS],
  ['2026-01-31T12:00:00.250Z', NOW_MS + 250],
  ['2026-01-31T24:00:00Z', null],
  ['2026-01-31 12:00:00Z', null],
  ['2026-01-31', null],
])('time %s', (given, ms) => {
  expect(parseTime(given)).toBe(ms);
});

describe('whether it fits', () => {
  const expected: ExpectedPackage = {
    component: 'daemon',
    agentType: '',
    agentId: '',
    version: '1.2.3',
    platform: 'linux',
    arch: 'x64',
    nowMs: NOW_MS,
    sha256: '',
  };
  const forAgent = (over: Partial<ExpectedPackage> = {}): ExpectedPackage => {
    return { ...expected, component: 'agent', agentType: 'filebeat', agentId: 'fb-1', ...over };
  };

  test.each<[string, PackageManifest, ExpectedPackage]>([
    ['the daemon', DAEMON, expected],
    ['the daemon, with its hash', DAEMON, { ...expected, sha256: SHA256.toUpperCase() }],
    ['an agent, by its type', AGENT, forAgent()],
    ['a custom agent, by its id', { ...AGENT, agent: 'mine' }, forAgent({ agentType: 'custom', agentId: 'mine' })],
    ['created a little in the future', { ...DAEMON, createdMs: NOW_MS + 10 * MINUTE_MS }, expected],
    ['about to expire', { ...DAEMON, expiresMs: NOW_MS + 1 }, expected],
  ])('%s', (_what, manifest, of) => {
    expect(() => checkManifest(manifest, of)).not.toThrow();
  });

  test.each<[string, PackageManifest, ExpectedPackage, string, string]>([
    ['for an agent, not the daemon', AGENT, expected, 'component', 'for the agent filebeat, not for the daemon'],
    ['for the daemon, not an agent', DAEMON, forAgent(), 'component', 'for the daemon, not for the agent filebeat'],
    ['for another type', AGENT, forAgent({ agentType: 'telegraf' }), 'component', 'not for the agent telegraf'],
    ['for the id in place of the type', { ...AGENT, agent: 'fb-1' }, forAgent(), 'component', 'the agent fb-1'],
    ['for another custom agent', AGENT, forAgent({ agentType: 'custom', agentId: 'mine' }), 'component', 'agent mine'],
    ['another version', DAEMON, { ...expected, version: '1.2.4' }, 'version', 'version 1.2.3, not for "1.2.4"'],
    ['another platform', DAEMON, { ...expected, platform: 'darwin' }, 'platform', 'for linux, this host is darwin'],
    ['another architecture', DAEMON, { ...expected, arch: 'arm64' }, 'arch', 'for x64, this host is arm64'],
    [
      'created in the future',
      { ...DAEMON, createdMs: NOW_MS + 11 * MINUTE_MS },
      expected,
      'expiry',
      '11 min in the future: the clock of this host is behind',
    ],
    ['expired just now', { ...DAEMON, expiresMs: NOW_MS }, expected, 'expiry', 'has expired, less than a day ago'],
    ['expired', { ...DAEMON, expiresMs: NOW_MS - 3.5 * DAY_MS }, expected, 'expiry', 'has expired, 3 d ago'],
    ['another hash', DAEMON, { ...expected, sha256: '0'.repeat(64) }, 'hash', 'another SHA-256 than the request'],
  ])('%s', async (_what, manifest, of, check, says) => {
    expect(await refusal(() => checkManifest(manifest, of), check)).toContain(says);
  });
});
