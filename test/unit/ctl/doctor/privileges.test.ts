/** As whom the daemon runs, by what the kernel says of it, and what follows from that. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { daemonEnvironment, daemonProcess, daemonProgram } from '../../../../src/ctl/doctor/daemon-process.ts';
import { examinePrivileges } from '../../../../src/ctl/doctor/privileges.ts';
import { examineSystemd, systemdRuns } from '../../../../src/ctl/doctor/systemd.ts';
import { ExaminedHost } from './examined-host.ts';

let host: ExaminedHost;
let root: string;

beforeEach(async () => {
  host = await ExaminedHost.make();
  root = host.path('proc');
  mkdirSync(join(root, '7'), { recursive: true });
});

function proc(files: Record<string, string>): string {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, '7', name), text);
  return root;
}

const ROOT = 'Name:\tnode\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t0 \nCapEff:\t000001ff\n';
const JOE = 'Uid:\t1000\t1000\t1000\t1000\nGid:\t1000\t100\t100\t100\nGroups:\t27 998 \nCapEff:\t0000000000000000\n';
const USER = '/user.slice/user-1000.slice/user@1000.service';
const more = `agents:
  - {id: a, type: custom, binary_path: /bin/sh, user: nobody, limits: {memory: 1GB, tasks: 5}}
  - {id: b, type: custom, binary_path: /bin/sh, limits: {open_files: 5}}
  - {id: c, type: custom, binary_path: /bin/sh, enabled: false, limits: {cpu: 5}}
`;

describe('the process', () => {
  test('of root, in a unit', () => {
    const daemon = daemonProcess(7, proc({ status: ROOT, cgroup: '0::/system.slice/daemon.service\n' }));
    const service = { unit: 'daemon.service', user: false };
    expect(daemon).toEqual({ pid: 7, uid: 0, groups: [0, 0], hasCapabilities: true, service, hasGroup: true });
  });

  test.each([
    ['a unit of a user', `0::${USER}/app.slice/daemon.service\n`, { unit: 'daemon.service', user: true }, true],
    ['a terminal below a user’s systemd', `0::${USER}/app.slice/terminal.scope\n`, null, false],
    ['a login', '0::/user.slice/user-1000.slice/session-3.scope\n', null, false],
    ['a container', '0::/\n', null, false],
    [
      'version 1',
      '4:memory:/\n1:name=systemd:/system.slice/d.service\n0::/\n',
      { unit: 'd.service', user: false },
      false,
    ],
    ['version 1, a user’s', `1:name=systemd:${USER}/d.service\n`, { unit: 'd.service', user: true }, false],
    ['version 1, a login', `1:name=systemd:${USER}/init.scope\n0::/\n`, null, false],
  ])('in %s', (_, cgroup, service, hasGroup) => {
    const daemon = daemonProcess(7, proc({ status: JOE, cgroup }));
    expect(daemon).toEqual({ pid: 7, uid: 1000, groups: [100, 27, 998], hasCapabilities: false, service, hasGroup });
  });

  test.each([0, null, 8])('%s: none, or none to be seen', (pid) => {
    const nothing = { uid: null, groups: [], hasCapabilities: false, service: null, hasGroup: false };
    expect(daemonProcess(pid, root)).toEqual({ pid, ...nothing });
  });

  test('its environment, and no other in its place', () => {
    proc({ environ: 'A=b=c\0HTTPS_PROXY=http://proxy:1\0=odd\0' });
    expect(daemonEnvironment(7, root)).toEqual({
      variables: { A: 'b=c', HTTPS_PROXY: 'http://proxy:1' },
      of: 'daemon',
    });
    proc({ environ: '' });
    expect(daemonEnvironment(7, root)).toEqual({ variables: {}, of: 'daemon' });
    expect([daemonEnvironment(8, root), daemonEnvironment(null, root)]).toEqual([null, null]);
    expect(daemonEnvironment(0, root)).toEqual({ variables: process.env, of: 'own' });
  });

  test('its program: of the command line, by its working folder', () => {
    symlinkSync('/opt/daemon/current/bin/node', join(root, '7/exe'));
    symlinkSync('/srv', join(root, '7/cwd'));
    proc({ cmdline: 'node\0--use-openssl-ca\0/opt/daemon/releases/1.0.0/lib/daemon.js\0--config\0/x/daemon.js\0' });
    expect(daemonProgram(7, root)).toEqual({
      node: '/opt/daemon/current/bin/node',
      bundles: '/opt/daemon/releases/1.0.0/lib',
    });
    proc({ cmdline: 'node\0dist/daemon.js\0' });
    expect(daemonProgram(7, root).bundles).toBe('/srv/dist');
    proc({ cmdline: 'node\0something.js\0' });
    expect(daemonProgram(7, root).bundles).toBeNull();
    expect(daemonProgram(8, root)).toEqual({ node: null, bundles: null });
  });
});

test('root in a unit may do everything', () => {
  const daemon = daemonProcess(7, proc({ status: ROOT, cgroup: '0::/system.slice/daemon.service\n' }));
  expect(host.outcomes(examinePrivileges(host.config({ more }), daemon, 1, true))).toEqual(['ok user']);
  expect(examineSystemd(daemon, true)).toMatchObject([{ outcome: 'ok', found: 'the daemon is of daemon.service' }]);
});

test('somebody else, of no unit: what it cannot do', () => {
  const daemon = daemonProcess(7, proc({ status: JOE, cgroup: '0::/user.slice\n' }));
  const findings = examinePrivileges(host.config({ more, ports: 'grpc_port: 443' }), daemon, 0, true);
  expect(host.outcomes(findings)).toEqual(['warning user', 'warning control groups']);
  expect(findings[0]?.found).toMatch(
    /runs as user 1000; it cannot start a as another user or group; listen on port 443;/,
  );
  expect(host.outcomes(examineSystemd(daemon, true))).toEqual(['warning unit']);
});

test('a unit of a user’s own systemd', () => {
  const daemon = daemonProcess(7, proc({ status: JOE, cgroup: `0::${USER}/app.slice/daemon.service\n` }));
  const [found] = examineSystemd(daemon, true);
  expect(found).toMatchObject({
    outcome: 'ok',
    found: expect.stringMatching(/^the daemon is of daemon\.service of the systemd of user 1000; .*linger/),
  });
  expect(host.outcomes(examinePrivileges(host.config({ more }), daemon, 1, true))).toEqual(['warning user']);
});

test.each([
  ['a container of root', ROOT, '0::/\n', false, 'systemd is not there'],
  ['root in a login', ROOT, '0::/user.slice/session-3.scope\n', true, 'is no service of systemd'],
  ['version 1', ROOT, '1:name=systemd:/system.slice/d.service\n0::/\n', true, 'is no service of systemd'],
  ['a unit with User=', JOE, '0::/system.slice/d.service\n', true, 'may make none as user 1000'],
])('%s: no groups for agents, and which limits that concerns', (_, status, cgroup, booted, why) => {
  const daemon = daemonProcess(7, proc({ status, cgroup }));
  const groups = (config = host.config({ more })) =>
    examinePrivileges(config, daemon, 0, booted).filter(({ subject }) => subject === 'control groups');
  const [found, ...rest] = groups();
  expect(rest).toEqual([]);
  expect(found).toMatchObject({ outcome: 'warning', found: expect.stringContaining(why) });
  expect(found?.found).toMatch(/without effect: a \(memory, tasks\)$/);
  expect(groups(host.config())).toMatchObject([{ outcome: 'ok', found: expect.stringContaining(why) }]);
});

test('no daemon, or none that this user may see', () => {
  const none = daemonProcess(0);
  expect(examinePrivileges(host.config(), none, 1000, true)[0]?.found).toContain(
    'started by this user, the daemon runs as user 1000',
  );
  expect(host.outcomes(examineSystemd(none, true))).toEqual(['unknown unit']);
  expect(host.outcomes(examineSystemd(none, false))).toEqual(['warning systemd']);
  const hidden = daemonProcess(null);
  expect(host.outcomes(examinePrivileges(host.config({ more }), hidden, 1000, true))).toEqual(['unknown user']);
  expect(host.outcomes(examineSystemd(hidden, true))).toEqual(['unknown unit']);
  expect([systemdRuns(host.folder), systemdRuns(host.path('none'))]).toEqual([true, false]);
});
