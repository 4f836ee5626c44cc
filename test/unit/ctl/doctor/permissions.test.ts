/** Who can read and change what is the daemon's: with real files, their modes and owners. */
import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Finding } from '../../../../src/ctl/doctor/finding.ts';
import { examinePermissions, type PermissionFacts } from '../../../../src/ctl/doctor/permissions.ts';
import { ExaminedHost, type Made } from './examined-host.ts';

const OWN = { uid: process.getuid?.() ?? 0, groups: process.getgroups?.() ?? [] };
const AS_ROOT = OWN.uid === 0;
const OTHER = 54_321;
const NONE = { pid: 0, uid: null, groups: [] };

let host: ExaminedHost;

beforeEach(async () => {
  host = await ExaminedHost.make();
  for (const name of ['daemon.yaml', 'update.pub']) writeFileSync(host.path(name), 'x');
  chmodSync(host.path('daemon.yaml'), 0o640);
  for (const name of ['update.pub', 'ca.crt']) chmodSync(host.path(name), 0o644);
  chmodSync(host.path('client.key'), 0o600);
  chmodSync(host.path('work'), 0o750);
});

function found(facts: Partial<PermissionFacts> = {}, made: Made = {}): Finding[] {
  const socket = host.path('work/control.sock');
  const all = { configFile: host.path('daemon.yaml'), socket, daemon: NONE, program: null, own: OWN, ...facts };
  return examinePermissions(host.config(made), all);
}
const look = (facts: Partial<PermissionFacts> = {}, made: Made = {}): string[] => host.outcomes(found(facts, made));
const told = (name: string, facts: Partial<PermissionFacts> = {}): Finding | undefined =>
  found(facts).find(({ subject }) => subject === host.path(name));

/** Makes it another group's than root's, whose members are root. */
function giveToGroup(name: string): void {
  if (AS_ROOT) chownSync(host.path(name), 0, OTHER);
}

test('all is well', () => {
  expect(look()).toEqual([
    ...['ok daemon.yaml', 'ok ca.crt', 'ok client.key', 'ok update.pub'],
    ...['ok work', 'ok work/downloads', 'ok work/backups'],
  ]);
});

test.each([
  ['daemon.yaml', 0o644, 'warning'],
  ['daemon.yaml', 0o646, 'failed'],
  ['client.key', 0o640, 'warning'],
  ['client.key', 0o644, 'failed'],
  ['client.key', 0o602, 'failed'],
  ['ca.crt', 0o646, 'failed'],
  ['update.pub', 0o602, 'failed'],
  ['work', 0o757, 'failed'],
  ['work', 0o1757, 'warning'],
])('%s with mode %o: %s', (name, mode, outcome) => {
  chmodSync(host.path(name), mode);
  expect(look()).toContain(`${outcome} ${name}`);
});

test.each(['daemon.yaml', 'client.key', 'ca.crt', 'update.pub'])(
  '%s that a group may write: a failure where the daemon is root',
  (name) => {
    giveToGroup(name);
    chmodSync(host.path(name), 0o660);
    expect(told(name)).toMatchObject({
      outcome: AS_ROOT ? 'failed' : 'warning',
      found: expect.stringMatching(/^can be changed by group \d+ \(mode 0660\)/),
      advice: `chmod g-w ${host.path(name)}`,
    });
  },
);

describe.skipIf(!AS_ROOT)('what is of somebody else (skipped where files cannot be given away)', () => {
  test.each(['daemon.yaml', 'client.key', 'ca.crt', 'update.pub', 'work'])('%s', (name) => {
    chownSync(host.path(name), OTHER, 0);
    expect(told(name)).toMatchObject({
      outcome: 'warning',
      found: expect.stringContaining(`can be changed by user ${OTHER}`),
      advice: expect.stringContaining(`unless the daemon is to run as user ${OTHER}`),
    });
    expect(told(name, { daemon: { pid: 7, uid: 0, groups: [0] } })).toMatchObject({ outcome: 'failed' });
    expect(told(name, { daemon: { pid: 7, uid: OTHER, groups: [OTHER] } })).toMatchObject({ outcome: 'ok' });
  });

  test('a folder above', () => {
    chownSync(host.folder, OTHER, 0);
    expect(told('daemon.yaml', { daemon: { pid: 7, uid: 0, groups: [0] } })).toMatchObject({
      outcome: 'failed',
      found: expect.stringContaining(`can be replaced by user ${OTHER}, who may write ${host.folder}`),
    });
  });
});

describe('folders', () => {
  test('that are not there: made, where the user may', () => {
    rmSync(host.path('work'), { recursive: true });
    expect(look()).toContain('ok work');
    const own = { uid: OTHER, groups: [OTHER] };
    expect(look({ own })).toEqual(expect.arrayContaining(['failed work', 'warning work/downloads']));
    expect(told('work', { own })?.found).toBe(`is not there, and user ${OTHER} cannot make it in ${host.folder}`);
  });

  test('that are not the daemon’s to write', () => {
    expect(look({ own: { uid: OTHER, groups: [] } })).toContain('failed work');
    const daemon = { pid: 7, uid: OTHER, groups: [] };
    expect(look({ daemon })).toEqual(expect.arrayContaining(['warning work', 'warning work/downloads']));
  });

  test('that are gone under it, or are no folders', () => {
    rmSync(host.path('work'), { recursive: true });
    expect(look({ daemon: { pid: 7, ...OWN } })).toContain('failed work');
    writeFileSync(host.path('work'), '');
    expect(look()).toContain('failed work');
  });

  test('of updates, which others may write', () => {
    mkdirSync(host.path('work/backups'));
    chmodSync(host.path('work/backups'), 0o703);
    expect(look()).toContain('failed work/backups');
  });
});

test('the control socket: everybody, the group of its folder', async () => {
  const path = host.path('work/control.sock');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  chmodSync(path, 0o660);
  expect(told('work/control.sock')).toMatchObject({
    outcome: 'ok',
    found: expect.stringMatching(/^mode 0660: root, /),
  });
  chmodSync(path, 0o666);
  expect(told('work/control.sock')).toMatchObject({ outcome: 'failed', advice: `chmod o-w ${path}` });
  if (!AS_ROOT) return;
  chmodSync(path, 0o660);
  chownSync(host.path('work'), 0, OTHER);
  expect(told('work/control.sock')).toMatchObject({
    outcome: 'warning',
    found: expect.stringContaining(`its folder of group ${OTHER}`),
  });
});

describe('the program', () => {
  const program = () => ({ node: host.path('1.0.0/bin/node'), bundles: host.path('1.0.0/lib') });
  const daemon = { pid: 7, ...OWN };

  beforeEach(() => {
    for (const name of ['1.0.0', '1.0.0/lib', '1.0.0/bin']) {
      mkdirSync(host.path(name));
      chmodSync(host.path(name), 0o755);
    }
    for (const name of ['lib/daemon.js', 'lib/give-back.node', 'bin/daemon', 'bin/node']) {
      writeFileSync(host.path(`1.0.0/${name}`), '');
      chmodSync(host.path(`1.0.0/${name}`), 0o755);
    }
  });

  test('that nobody else may change', () => {
    expect(look({ daemon, program: program() }).slice(-2)).toEqual(['ok 1.0.0/lib', 'ok 1.0.0/bin/node']);
  });

  test.each([
    ['lib/daemon.js', 'lib/daemon.js'],
    ['lib/give-back.node', 'lib/give-back.node'],
    ['bin/daemon', 'bin/daemon'],
    ['lib', 'lib'],
    ['.', 'lib'],
  ])('%s that everybody may write', (name, subject) => {
    chmodSync(host.path(`1.0.0/${name}`), 0o757);
    expect(look({ daemon, program: program() })).toContain(`failed 1.0.0/${subject}`);
  });

  test('that may not be seen, or is gone', () => {
    expect(look({ daemon, program: { node: null, bundles: null } }).slice(-2)).toEqual([
      'unknown program',
      'unknown node',
    ]);
    rmSync(host.path('1.0.0'), { recursive: true });
    expect(look({ daemon, program: program() }).slice(-2)).toEqual(['unknown 1.0.0/lib', 'unknown 1.0.0/bin/node']);
  });
});

test('agents’ programs and modules of plugins, where they have the rights of the daemon', () => {
  for (const name of ['agent', 'others', 'plugin.mjs']) {
    writeFileSync(host.path(name), '');
    chmodSync(host.path(name), 0o757);
  }
  const more = `agents:
  - {id: own, type: custom, binary_path: ${host.path('agent')}}
  - {id: others, type: custom, binary_path: ${host.path('others')}, user: nobody}
  - {id: gone, type: custom, binary_path: ${host.path('gone')}}
collectors: {mine: {module: ${host.path('plugin.mjs')}}}
`;
  expect(look({}, { more }).slice(-2)).toEqual(['failed agent', 'failed plugin.mjs']);
});
