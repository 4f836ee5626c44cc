/** `daemonctl doctor`: everything together, and the smaller examinations. */
import { writeFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import { examineAgents } from '../../../../src/ctl/doctor/agents.ts';
import { examine } from '../../../../src/ctl/doctor/examine.ts';
import { type Finding, OUTCOMES } from '../../../../src/ctl/doctor/finding.ts';
import { judgeClock, judgeProbe } from '../../../../src/ctl/doctor/manager.ts';
import { examinePrivileges } from '../../../../src/ctl/doctor/privileges.ts';
import { summary } from '../../../../src/ctl/doctor/render.ts';
import { examineSockets } from '../../../../src/ctl/doctor/sockets.ts';
import { examineSpace } from '../../../../src/ctl/doctor/space.ts';
import { examineSystemd } from '../../../../src/ctl/doctor/systemd.ts';
import { checkHost, parseConfig } from '../../../../src/shared/config/load.ts';
import { freePort } from '../../../support/free-port.ts';
import { FakeDaemon } from '../fake-daemon.ts';
import { hostHandlers } from '../host-views.ts';
import { socketIn } from '../run.ts';
import { advised, ExaminedHost } from './examined-host.ts';

const NOW_MS = Date.now();

let host: ExaminedHost;

beforeEach(async () => {
  host = await ExaminedHost.make();
});

test('space, at the nearest folder that is there', async () => {
  const findings = await examineSpace(host.config());
  expect(findings.map(({ subject }) => subject.replace(host.folder, ''))).toEqual([
    '/work',
    '/work/downloads',
    '/work/backups',
  ]);
  expect(new Set(findings.map(({ found }) => found)).size).toBe(1);
  expect(findings[0]?.found).toMatch(/^[\d.]+ [KMGT]iB free of [\d.]+ [KMGT]iB \([\d.]+ %\)$/);
});

test('agents’ programs', () => {
  const more = `agents:
  - {id: good, type: custom, binary_path: /bin/sh}
  - {id: gone, type: custom, binary_path: ${host.folder}/none}
  - {id: off, type: custom, binary_path: ${host.folder}/none, enabled: false}
`;
  const { config, places } = parseConfig(host.text({ more }), 'daemon.yaml');
  if (!config) throw new Error('it is valid');
  const findings = examineAgents(config, checkHost(config, places));
  expect(host.outcomes(findings)).toEqual(['failed agents[1].binary_path', 'ok good', 'ok off']);
  expect(findings[0]).toMatchObject({
    found: expect.stringContaining('does not exist'),
    advice: expect.stringMatching(/line \d+/),
  });
});

const configFile = (): string => host.path('daemon.yaml');

const CHECKS = [
  ...['configuration', 'certificates', 'permissions', 'space', 'sockets'],
  ...['manager', 'clock', 'privileges', 'systemd'],
];

test('with the daemon down, from the configuration alone', async () => {
  writeFileSync(configFile(), host.text(), { mode: 0o600 });
  const findings = advised(await examine({ configFile: configFile(), nowMs: NOW_MS }));
  expect([...new Set(findings.map(({ check }) => check))]).toEqual(CHECKS);
  expect(summary(findings)).toMatch(/^\d+ ok, \d+ warning/);
});

test('with the daemon: asked where its work_dir is', async () => {
  writeFileSync(configFile(), host.text(), { mode: 0o600 });
  const daemon = await FakeDaemon.listen(socketIn(host.path('work')), hostHandlers());
  try {
    const findings = advised(await examine({ configFile: configFile(), nowMs: NOW_MS }));
    expect(findings.find(({ check }) => check === 'sockets')).toMatchObject({ subject: daemon.path, outcome: 'ok' });
    expect(findings.find(({ subject }) => subject === 'link')).toMatchObject({ outcome: 'ok' });
  } finally {
    await daemon.goAway();
  }
});

test.each([
  ['an invalid configuration', 'manager: {adress: x}\n', 'line 1'],
  ['none', null, 'does not exist'],
])('%s is a failure, and the rest is left', async (_, text, says) => {
  if (text !== null) writeFileSync(configFile(), text);
  const findings = advised(await examine({ configFile: configFile(), nowMs: NOW_MS }));
  expect(findings[0]).toMatchObject({
    check: 'configuration',
    outcome: 'failed',
    found: expect.stringContaining(says),
  });
  expect(findings.at(-1)?.check).toBe('systemd');
});

test('a pid file that may not be looked at does not mean that no daemon runs', async () => {
  writeFileSync(host.path('file'), '');
  const text = host.text().replace(/pid_file: .*/, `pid_file: ${host.path('file/daemon.pid')}`);
  writeFileSync(configFile(), text, { mode: 0o600 });
  const findings = advised(await examine({ configFile: configFile(), nowMs: NOW_MS }));
  expect(findings.find(({ check }) => check === 'sockets')).toMatchObject({ outcome: 'unknown' });
  expect(findings.find(({ check }) => check === 'privileges')).toMatchObject({ outcome: 'unknown' });
});

test('whatever is found that is not well comes with what to do', async () => {
  const all: Finding[] = [];
  const fault = (code: string): Error => Object.assign(new Error(code), { code });
  const faults = [null, ...['ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', 'EPIPE', 'CERT_HAS_EXPIRED', 'X'].map(fault)];
  const validities = [null, { notBeforeMs: 0, notAfterMs: NOW_MS }];
  const clocks = [null, ...[0, 60_000, 6_000_000].map((ms) => ({ serverMs: NOW_MS + ms, hereMs: NOW_MS }))];
  for (const step of ['tcpError', 'tunnelError', 'tlsError', 'answerError'] as const) {
    for (const error of faults)
      for (const proxy of ['', 'proxy:1'])
        for (const validity of validities)
          for (const clock of clocks) {
            const none = { proxy, tcpError: null, tunnelError: null, tlsError: null, answerError: null };
            const found = { ...none, validity, clock, [step]: error };
            all.push(
              ...judgeProbe('m:1', found, false),
              ...judgeProbe('m:1', found, true),
              ...judgeClock('m:1', found),
            );
          }
  }
  const config = host.config({
    more: 'agents:\n  - {id: a, type: custom, binary_path: /bin/sh, user: joe, limits: {tasks: 5}}\n',
  });
  for (const pid of [0, null, 7])
    for (const uid of [null, 0, 1000])
      for (const service of [null, { unit: 'd.service', user: false }, { unit: 'd.service', user: true }])
        for (const hasGroup of [true, false])
          for (const booted of [true, false]) {
            const daemon = { pid, uid, groups: [], hasCapabilities: true, service, hasGroup };
            all.push(...examineSystemd(daemon, booted), ...examinePrivileges(config, daemon, 1000, booted));
          }
  const control = { socket: '/c.sock', outcome: { error: new Error('no') } };
  const ports = host.config({ ports: `grpc_port: ${await freePort()}` });
  for (const running of [true, false, null]) all.push(...(await examineSockets(ports, control, running)));
  expect(new Set(all.map(({ outcome }) => outcome))).toEqual(new Set(OUTCOMES));
  advised(all);
});
