import { describe, expect, test } from 'vitest';
import { agentStates } from '../../../../src/main/link/agent-states.ts';
import {
  daemonRegistration,
  type NodeFacts,
  registration,
  sameRegistration,
} from '../../../../src/main/link/node-info.ts';
import type { AgentSnapshot } from '../../../../src/shared/contracts/agent.ts';

const AGENT: AgentSnapshot = {
  id: 'a1',
  type: 'filebeat',
  name: 'A',
  status: 'running',
  reason: '',
  pid: 9,
  startedAtMs: 1_700_000_000_999,
  restarts: 3,
  lastRestartMs: 0,
  lastHeartbeatMs: 1_700_000_005_001,
  version: '8.1',
  lastExit: null,
  alerts: [
    { agentId: 'a1', type: 'cpu', currentValue: 87.5, threshold: 50, timestampMs: 1_700_000_003_999, state: 'raised' },
  ],
};
const FACTS: NodeFacts = {
  nodeId: 'n1',
  hostname: 'host',
  advertiseAddress: '',
  localAddress: '::ffff:10.0.0.1',
  managerHost: 'manager.example',
  interfaceAddress: '',
  labels: {},
  platform: 'linux',
  arch: 'x64',
  daemonVersion: '0.1.0',
  agents: [AGENT],
  host: { os: 'Debian 12', kernel: '6.1', virtualization: '' },
};

describe('registration', () => {
  test('says what the host is, and nothing where nothing is known', () => {
    const { request, shortened } = registration(FACTS);
    expect(request).toEqual({
      nodeId: 'n1',
      hostname: 'host',
      ip: '10.0.0.1',
      os: 'linux',
      arch: 'amd64',
      labels: new Map([
        ['distribution', 'Debian 12'],
        ['kernel', '6.1'],
      ]),
      daemonVersion: '0.1.0',
      agentVersion: '8.1',
    });
    expect(shortened).toEqual([]);
    expect(registration({ ...FACTS, host: null }).request.labels.size).toBe(0);
  });

  test('agent_version is empty unless there is exactly one agent', () => {
    expect(registration({ ...FACTS, agents: [] }).request.agentVersion).toBe('');
    expect(registration({ ...FACTS, agents: [AGENT, AGENT] }).request.agentVersion).toBe('');
  });

  test('what the Manager would refuse for its length is cut and named', () => {
    const long = 'ü'.repeat(300);
    const { request, shortened } = registration({
      ...FACTS,
      nodeId: long,
      hostname: long,
      advertiseAddress: long,
      platform: long,
      arch: long,
      daemonVersion: long,
      agents: [{ ...AGENT, version: long }],
    });
    const { labels: _, ...texts } = request;
    const lengths = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, [...text].length]));
    expect(lengths).toEqual({
      nodeId: 50,
      hostname: 100,
      ip: 50,
      os: 50,
      arch: 20,
      daemonVersion: 20,
      agentVersion: 20,
    });
    expect(shortened.sort()).toEqual(['agentVersion', 'arch', 'daemonVersion', 'hostname', 'ip', 'nodeId', 'os']);
  });
});

describe('labels', () => {
  const host = { os: 'Debian 12', kernel: '6.1', virtualization: 'container', container: 'docker', cloud: 'aws' };

  test('facts about the host, and those of the configuration, which win', () => {
    const { request, shortened } = registration({ ...FACTS, host, labels: { kernel: 'ours', rack: 'b7', empty: '' } });
    expect(Object.fromEntries(request.labels)).toEqual({
      distribution: 'Debian 12',
      kernel: 'ours',
      virtualization: 'container',
      container: 'docker',
      cloud: 'aws',
      rack: 'b7',
    });
    expect(shortened).toEqual([]);
  });

  test('a long value is cut and named', () => {
    const { request, shortened } = registration({ ...FACTS, host, labels: { note: 'ü'.repeat(257) } });
    expect(request.labels.get('note')).toBe('ü'.repeat(256));
    expect(shortened).toEqual(['labels.note']);
  });

  test('64 at most: what is left out are facts, then the last of the configuration', () => {
    const labels = Object.fromEntries(Array.from({ length: 66 }, (_, index) => [`l${index}`, 'x']));
    const { request, shortened } = registration({ ...FACTS, host, labels });
    expect([...request.labels.keys()]).toEqual(Object.keys(labels).slice(0, 64));
    const facts = ['distribution', 'kernel', 'virtualization', 'container', 'cloud'];
    expect(shortened).toEqual(['l64', 'l65', ...facts].map((name) => `labels.${name}`));
  });
});

test('in the other protocol the host’s own id is a label', () => {
  const { request } = registration({ ...FACTS, labels: { 'daemon.id': 'another', rack: 'b7' } });
  expect(daemonRegistration(request)).toEqual({
    hostname: 'host',
    ip: '10.0.0.1',
    os: 'linux',
    arch: 'amd64',
    labels: new Map([
      ['daemon.id', 'n1'],
      ['rack', 'b7'],
      ['distribution', 'Debian 12'],
      ['kernel', '6.1'],
    ]),
    daemonVersion: '0.1.0',
    agentVersion: '8.1',
  });
});

describe('sameRegistration', () => {
  const of = (more: Partial<NodeFacts> = {}) => registration({ ...FACTS, labels: { a: '1', b: '2' }, ...more }).request;

  test('of the same facts, in whatever order the labels are', () => {
    expect(sameRegistration(of(), of({ labels: { b: '2', a: '1' } }))).toBe(true);
  });

  test.each<[string, Partial<NodeFacts>]>([
    ['another address', { localAddress: '10.0.0.2' }],
    ['another host name', { hostname: 'other' }],
    ['an agent more', { agents: [AGENT, AGENT] }],
    ['a label’s value', { labels: { a: '1', b: '3' } }],
    ['another label', { labels: { a: '1', c: '2' } }],
    ['a label less', { labels: { a: '1' } }],
    ['a label more', { labels: { a: '1', b: '2', c: '3' } }],
    ['another kernel', { host: { os: 'Debian 12', kernel: '6.2', virtualization: '' } }],
  ])('not with %s', (_, more) => {
    expect(sameRegistration(of(), of(more))).toBe(false);
    expect(sameRegistration(of(more), of())).toBe(false);
  });
});

test('agents’ states carry Unix seconds and fields of a bounded length', () => {
  const [state] = agentStates([{ ...AGENT, version: 'v'.repeat(80), reason: 'r'.repeat(2000) }]);
  expect(state).toEqual({
    agentId: 'a1',
    status: 'running',
    pid: 9,
    lastHeartbeat: 1_700_000_005,
    type: 'filebeat',
    version: 'v'.repeat(50),
    restartCount: 3,
    startTime: 1_700_000_000,
    reason: 'r'.repeat(500),
    alerts: [{ type: 'cpu', currentValue: 87.5, threshold: 50, timestamp: 1_700_000_003 }],
  });
});
