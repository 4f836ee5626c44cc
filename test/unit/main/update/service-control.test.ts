import { expect, test } from 'vitest';
import { type ServiceFacts, serviceControl, type UnitFacts } from '../../../../src/main/update/service-control.ts';

const FACTS: ServiceFacts = { systemd: true, cgroup: '', pid: 500, parentPid: 1, initName: 'systemd' };
const UNIT: UnitFacts = { mainPid: 500, killMode: 'process' };
const V1 = ['12:pids:/system.slice/daemon.service', '3:cpu,cpuacct:/'];

test.each<[string, string, string]>([
  ['v2', '0::/system.slice/daemon.service\n', 'daemon.service'],
  ['v2, an instance', '0::/system.slice/system-daemon.slice/daemon@a.service\n', 'daemon@a.service'],
  ['v2, a cgroup of its own below its unit', '0::/system.slice/daemon.service/agents\n', 'daemon.service'],
  ['v1', [...V1, '1:name=systemd:/system.slice/daemon.service', ''].join('\n'), 'daemon.service'],
  [
    'v1, with the line of v2',
    [...V1, '1:name=systemd:/system.slice/daemon.service', '0::/', ''].join('\n'),
    'daemon.service',
  ],
  [
    'v1 and v2',
    ['1:name=systemd:/system.slice/daemon.service', '0::/system.slice/daemon.service'].join('\n'),
    'daemon.service',
  ],
])('a system service: cgroup %s', (_, cgroup, unit) => {
  expect(serviceControl({ ...FACTS, cgroup }, UNIT)).toEqual({ kind: 'systemd', unit, user: false });
});

test.each([
  ['0::/user.slice/user-1000.slice/user@1000.service/app.slice/daemon.service\n'],
  ['1:name=systemd:/user.slice/user-1000.slice/user@1000.service/daemon.service\n0::/\n'],
])("a user's service: %s", (cgroup) => {
  expect(serviceControl({ ...FACTS, cgroup }, UNIT)).toEqual({ kind: 'systemd', unit: 'daemon.service', user: true });
});

test.each<[string, string, boolean]>([
  ['a login session', '0::/user.slice/user-1000.slice/session-3.scope\n', true],
  ['a terminal of a desktop', '0::/user.slice/user-1000.slice/user@1000.service/app.slice/term.scope\n', true],
  ['a container', '0::/system.slice/docker-0123.scope\n', true],
  ['a root cgroup', '0::/\n', true],
  ['no cgroups at all', '', true],
  ['v1 controllers only', V1.join('\n'), true],
  ['no systemd, whatever the cgroup is called', '0::/system.slice/daemon.service\n', false],
])('%s: by signal', (_, cgroup, systemd) => {
  expect(serviceControl({ ...FACTS, systemd, cgroup }, UNIT)).toEqual({ kind: 'signal', supervised: false });
  expect(serviceControl({ ...FACTS, systemd, cgroup, parentPid: 7 }, UNIT)).toEqual({
    kind: 'signal',
    supervised: true,
  });
});

test.each([[true], [false]])('process 1 cannot be started anew, systemd %s', (systemd) => {
  expect(serviceControl({ ...FACTS, systemd, pid: 1, parentPid: 0, cgroup: '0::/a.service' }, UNIT)).toBeNull();
});

const INSIDE = { ...FACTS, cgroup: '0::/system.slice/supervisor.service' };

test('a unit whose main process is another is not ours to restart', () => {
  expect(serviceControl({ ...INSIDE, parentPid: 7 }, { ...UNIT, mainPid: 7 })).toEqual({
    kind: 'signal',
    supervised: true,
  });
});

test.each(['control-group', 'mixed'])('KillMode=%s would end every agent', (killMode) => {
  expect(serviceControl(INSIDE, { ...UNIT, killMode })).toEqual({
    kind: 'refused',
    reason: expect.stringContaining('KillMode=process'),
  });
});

test.each(['tini', 'docker-init', 'sh'])('below %s as process 1 its end would be that of the container', (initName) => {
  expect(serviceControl({ ...FACTS, systemd: false, initName }, null)).toBeNull();
  expect(serviceControl({ ...FACTS, systemd: false, initName, parentPid: 7 }, null)).not.toBeNull();
});
