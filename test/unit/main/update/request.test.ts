import { describe, expect, test } from 'vitest';
import { checkRequest, checkVersion, isSameRequest } from '../../../../src/main/update/request.ts';
import { compareVersions } from '../../../../src/main/update/versions.ts';
import type { UpdateRequest } from '../../../../src/shared/contracts/update.ts';

const GOOD: UpdateRequest = {
  component: 'agent',
  agentId: 'one',
  version: '1.2.3',
  source: { kind: 'url', url: 'https://manager/package' },
  sha256: 'a'.repeat(64),
  signature: 'c2lnbmVk',
  manifest: '',
  origin: 'local',
  allowDowngrade: false,
  retry: false,
};

describe('checkRequest', () => {
  test.each<[string, Partial<UpdateRequest>, string]>([
    ['a daemon that names an agent', { component: 'daemon' }, 'component'],
    ['an agent that names none', { agentId: ' ' }, 'component'],
    ['no version', { version: ' ' }, 'version'],
    ['what is none', { version: 'latest' }, 'version'],
    ['an endless one', { version: `1.2.3-${'a'.repeat(50)}` }, 'version'],
    ['a short hash', { sha256: 'abc' }, 'hash'],
    ['a hash of other letters', { sha256: 'g'.repeat(64) }, 'hash'],
    ['neither hash nor manifest', { sha256: '' }, 'hash'],
    ['no signature', { signature: ' \n' }, 'signature'],
    ['a Manager that allows a lower version', { origin: 'manager', allowDowngrade: true }, 'version'],
  ])('%s is refused', (_, over, check) => {
    const refusal = expect.objectContaining({ code: 'D4002', message: expect.stringContaining(`(check: ${check})`) });
    expect(() => checkRequest({ ...GOOD, ...over })).toThrow(refusal);
  });

  test('a version of any length is shown shortened', () => {
    expect(() => checkRequest({ ...GOOD, version: 'x'.repeat(5000) })).toThrow(/^.{0,120}$/);
  });

  test.each<[string, Partial<UpdateRequest>]>([
    ['a daemon', { component: 'daemon', agentId: '' }],
    ['a manifest in place of a hash', { sha256: '', manifest: '{}' }],
    ['somebody here who allows a lower version', { allowDowngrade: true }],
    ['a Manager', { origin: 'manager' }],
  ])('%s is taken as it is', (_, over) => {
    expect(checkRequest({ ...GOOD, ...over })).toEqual({ ...GOOD, ...over });
  });

  test('blanks and capitals make no difference', () => {
    const written = {
      ...GOOD,
      agentId: ' one',
      version: ' 1.2.3\n',
      sha256: ` ${'A'.repeat(64)}`,
      signature: 'c2ln\nbmVk',
    };
    expect(checkRequest(written)).toEqual(GOOD);
  });
});

describe('isSameRequest', () => {
  test.each<[Partial<UpdateRequest>, boolean]>([
    [{}, true],
    [{ retry: true, source: { kind: 'file', path: '/p', owned: true } }, true],
    [{ component: 'daemon' }, false],
    [{ agentId: 'two' }, false],
    [{ version: '1.2.4' }, false],
    [{ sha256: 'b'.repeat(64) }, false],
    [{ signature: 'b3RoZXI=' }, false],
  ])('%j: %s', (over, same) => expect(isSameRequest(GOOD, { ...GOOD, ...over })).toBe(same));
});

describe('checkVersion', () => {
  const check = (running: string, next: string, allowed = false): void =>
    checkVersion(running, next, allowed, compareVersions(running, next));

  test.each([
    ['1.0.0', '1.0.1'],
    ['', '0.0.1'],
    ['1.0.0-rc.1', '1.0.0'],
  ])('%j may become %s', (running, next) => expect(() => check(running, next)).not.toThrow());

  test.each([
    ['1.0.1', '1.0.0', 'is lower than the running one, 1.0.1'],
    ['1.0.0', '1.0.0', 'is the running one'],
    ['nightly', '1.0.0', '"nightly" cannot be compared'],
  ])('%s may not become %s, unless it is allowed', (running, next, why) => {
    expect(() => check(running, next)).toThrow(why);
    expect(() => check(running, next)).toThrow('(check: version)');
    expect(() => check(running, next, true)).not.toThrow();
  });
});
