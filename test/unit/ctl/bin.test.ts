import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder, testFolder } from '../../support/temp-folder.ts';
import { bundle } from './bundle.ts';

let built: Awaited<ReturnType<typeof temporaryFolder>>;
let program: string;
let folder: string;

beforeAll(async () => {
  built = await temporaryFolder('daemonctl');
  program = bundle(built.path, 'daemonctl', "import './src/ctl/bin.ts';");
});
afterAll(() => built.remove());

beforeEach(async () => {
  folder = await testFolder('daemonctl');
  writeFileSync(join(folder, 'package'), 'bytes of a package');
});

function daemonctl(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: folder, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

test('the way of a package: a key, a signature, a check', () => {
  const made = daemonctl('keygen', '--type', 'ecdsa', '--curve', 'P-384', '--out', 'release.key');
  expect(made).toMatchObject({ code: 0, err: '' });
  expect(made.out).toMatch(/^private key {2}release\.key\npublic key {3}release\.key\.pub\nkey id {7}[0-9a-f]{64}\n$/);

  const facts = ['--component', 'agent', '--agent', 'filebeat', '--version', '8.1.0', '--expires', '30d'];
  const signed = daemonctl('sign', 'package', '--key', 'release.key', ...facts);
  expect(signed).toMatchObject({ code: 0, err: '' });
  for (const path of ['package.sig', 'package.manifest.json.sig']) {
    expect(signed.out).toContain(readFileSync(join(folder, path)).toString('base64'));
  }
  const verified = daemonctl('verify', 'package', '--key', 'release.key.pub');
  expect(verified).toMatchObject({ code: 0, err: '' });
  expect(verified.out).toContain(`agent filebeat 8.1.0, ${process.platform} ${process.arch}, until`);

  writeFileSync(join(folder, 'package'), 'bytes of A package');
  const changed = daemonctl('verify', 'package', '--key', 'release.key.pub');
  expect(changed).toMatchObject({ code: 1, out: '' });
  expect(changed.err).toMatch(/^daemonctl: D4002: [^\n]*\(check: signature\)\n$/);
});

test('--json is one object a line', () => {
  const key = daemonctl('keygen', '--type', 'rsa', '--out', 'release.key', '--json');
  expect(key.out).toMatch(/^[^\n]+\n$/);
  const made = JSON.parse(key.out);
  expect(made).toEqual({
    ...{ type: 'rsa', privateFile: 'release.key', publicFile: 'release.key.pub' },
    keyId: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const facts = ['--component', 'daemon', '--version', '1.2.3', '--platform', 'linux', '--arch', 'arm64'];
  const sign = daemonctl('sign', 'package', '--key', 'release.key', '--pss', '--allow-downgrade', ...facts, '--json');
  const signed = JSON.parse(sign.out);
  expect(signed).toMatchObject({
    bytes: 18,
    keyId: made.keyId,
    signature: { file: 'package.sig' },
    manifest: { file: 'package.manifest.json' },
  });
  const { out } = daemonctl('verify', 'package', '--key', 'release.key.pub', '--json');
  expect(JSON.parse(out)).toMatchObject({
    sha256: signed.sha256,
    keyId: signed.keyId,
    manifest: { keyId: signed.keyId, says: { component: 'daemon', arch: 'arm64', allowDowngrade: true } },
  });
  expect(out).toMatch(/^[^\n]+\n$/);
});

test('a package without a manifest', () => {
  daemonctl('keygen', '--type', 'rsa', '--bits', '3072', '--out', 'release.key');
  expect(daemonctl('sign', 'package', '--key', 'release.key').out).not.toContain('manifest');
  expect(daemonctl('verify', 'package', '--key', 'release.key.pub', '--sig', 'package.sig').code).toBe(0);
});

describe('a wrong command line ends with 2, says why, and does nothing', () => {
  test.each([
    [[], 'Usage: daemonctl'],
    [['frobnicate'], "daemonctl: unknown command 'frobnicate'"],
    [['keygen'], "daemonctl: required option '--type <type>' not specified"],
    [['keygen', '--type', 'dsa', '--out', 'k'], 'Allowed choices are ed25519, rsa, ecdsa'],
    [['keygen', '--type', 'rsa', '--bits', '1024', '--out', 'k'], 'Allowed choices are 3072, 4096'],
    [['keygen', '--type', 'ed25519', '--bits', '3072', '--out', 'k'], 'daemonctl: --bits is for --type rsa'],
    [['keygen', '--type', 'rsa', '--curve', 'P-256', '--out', 'k'], 'daemonctl: --curve is for --type ecdsa'],
    [['sign', '--key', 'k'], "missing required argument 'file'"],
    [['sign', 'package'], "required option '--key <file>' not specified"],
    [['sign', 'package', 'another', '--key', 'k'], 'too many arguments'],
    [['sign', 'package', '--key', 'k', '--version', '1.2.3'], 'a manifest needs --component and --version'],
    [['sign', 'package', '--key', 'k', '--component', 'daemon'], 'a manifest needs --component and --version'],
    [['sign', 'package', '--key', 'k', '--allow-downgrade'], 'a manifest needs --component and --version'],
    [['sign', 'package', '--key', 'k', '--component', 'agent', '--version', '1.2'], '--component agent needs --agent'],
    [
      ['sign', 'package', '--key', 'k', '--component', 'daemon', '--agent', 'x', '--version', '1.2'],
      '--agent is for --component agent',
    ],
    [['sign', 'package', '--key', 'k', '--expires', 'soon'], 'Give 90d, 36h, or a time'],
    [['verify', 'package'], "required option '--key <file>' not specified"],
    [['verify', 'package', '--key', 'k', '--hash', 'x'], "unknown option '--hash'"],
  ])('%j', (args, says) => {
    const { code, out, err } = daemonctl(...args);
    expect(err).toContain(says);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(readdirSync(folder)).toEqual(['package']);
  });
});

test.each([
  [['sign', 'package', '--key', 'none.key'], /^daemonctl: the private key none\.key cannot be opened: ENOENT/],
  [['verify', 'package', '--key', 'none.pub', '--sig', 'package'], /^daemonctl: D4002: none\.pub: .*ENOENT/],
  [['keygen', '--type', 'ed25519', '--out', 'none/k'], /^daemonctl: the key file none\/k cannot be written.*ENOENT/],
])('what fails ends with 1, one line and the cause: %j', (args, says) => {
  const { code, out, err } = daemonctl(...args);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toMatch(says);
  expect(err.trimEnd()).not.toContain('\n');
});

test.each([['keygen'], ['sign'], ['verify']])('%s --help has an example and the exit codes', (verb) => {
  const { code, out } = daemonctl(verb, '--help');
  expect(code).toBe(0);
  expect(out).toMatch(new RegExp(`Examples?:\\n {2}daemonctl ${verb} `));
  expect(out).toContain('Exit codes: 0 ');
});

test('--help and --version', () => {
  expect(daemonctl('--help').out).toContain('Exit codes: 0 done, 1 failed or not valid, 2 wrong command line, 3 ');
  expect(daemonctl('--version')).toEqual({ code: 0, out: '1.2.3\n', err: '' });
});
