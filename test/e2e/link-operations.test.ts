/** What the Manager has done on a host: over the daemon's own port, and over the stream that the daemon opened. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keygen } from '../../src/ctl/keygen.ts';
import { sign } from '../../src/ctl/sign.ts';
import type { OperatedEvent } from '../../src/shared/contracts/manager-events.ts';
import { sampleAgent } from '../support/daemon-process.ts';
import type { OpResult } from '../support/manager-process.ts';
import { waitFor } from '../support/wait-until.ts';
import { type Linked, linkedBothWays } from './link-host.ts';

const WAYS = ['dial', 'stream'] as const;
const SECRET = 'top-secret-value';
type Agent = { id: string; status: string; pid: number; restartCount: number };

/** Registered, its port open, its stream too; gives what asks an operation of it. */
async function serving({ host, manager }: Linked): Promise<(via: string, ...args: string[]) => Promise<OpResult>> {
  host.start();
  await host.logged('operations-port', ({ level }) => level === 'info');
  const { nodeId } = await manager.event('stream', ({ state }) => state === 'opened');
  return (via, ...args) => manager.op(nodeId, ...args, '--via', via);
}

function agentOf({ outcome }: OpResult): Agent | undefined {
  return (outcome?.result as Agent[] | null)?.[0];
}

async function running({ host }: Linked, since = 0): Promise<void> {
  await host.logged('agent-status', ({ status }) => status === 'running', since);
}

test.concurrent.for(WAYS)('each operation over %s, and a line of the audit log for each', async (via, context) => {
  const link = await linkedBothWays(context);
  const configFile = join(link.host.folder, 'one.yaml');
  writeFileSync(configFile, `port: 1234\npassword: ${SECRET}\n`);
  const agent = sampleAgent('one', {
    ...{ config_file: configFile, env: { API_TOKEN: SECRET }, health_check: { interval: '1s' } },
  });
  await link.configure({ agents: [agent] });
  const op = await serving(link);
  await running(link);

  const first = agentOf(await op(via, 'list'));
  expect(first).toMatchObject({ id: 'one', status: 'running' });
  expect(await op(via, 'restart', 'one')).toMatchObject({ code: 0, outcome: { success: true, via, status: 'OK' } });
  const second = agentOf(await op(via, 'list'));
  expect(link.host.agents()).toEqual([second?.pid]);
  expect(second?.pid).not.toBe(first?.pid);
  // what is so already succeeds and changes nothing
  expect(await op(via, 'start', 'one')).toMatchObject({ code: 0, outcome: { success: true } });
  expect(agentOf(await op(via, 'list'))).toEqual(expect.objectContaining({ pid: second?.pid }));
  for (let times = 0; times < 2; times++) {
    expect(await op(via, 'stop', 'one')).toMatchObject({ code: 0, outcome: { success: true } });
    expect(agentOf(await op(via, 'list'))).toMatchObject({ status: 'stopped', pid: 0 });
  }
  expect(link.host.agents()).toEqual([]);
  expect(await op(via, 'start', 'one')).toMatchObject({ code: 0, outcome: { success: true } });
  const points = await waitFor(
    async () => {
      const { outcome } = await op(via, 'metrics', 'one');
      return Array.isArray(outcome?.result) && outcome.result.length > 0 ? outcome.result : null;
    },
    { what: 'a point of its use', everyMs: 200 },
  );
  expect(points[0]).toMatchObject({ timestamp: expect.any(Number), memoryRss: expect.any(Number) });

  const [whole, own] = [await op(via, 'config'), await op(via, 'config', 'one')];
  expect(String(whole.outcome?.result)).toContain('grpc_port');
  expect(String(own.outcome?.result)).toContain('1234');
  const key = readFileSync(join(link.manager.tlsFolder, 'client.key'), 'utf8').split('\n')[1] ?? 'no key';
  for (const { outcome } of [whole, own]) {
    expect(String(outcome?.result)).not.toContain(SECRET);
    expect(String(outcome?.result)).not.toContain(key);
  }
  expect(await op(via, 'restart', 'nobody')).toMatchObject({ code: 1, outcome: { via, status: 'NOT_FOUND' } });

  const audit = link.host.audit();
  expect(new Set(audit.map((entry) => entry.via))).toEqual(new Set([via === 'dial' ? 'port' : 'stream']));
  expect(audit.every(({ caller, durationMs }) => caller.includes('manager') && durationMs >= 0)).toBe(true);
  const asked = audit
    .filter(({ operation }) => operation !== 'ListAgents' && operation !== 'GetAgentMetrics')
    .map((entry) => [entry.asked ?? entry.configType, entry.agentId ?? '', entry.outcome]);
  expect(asked).toEqual([
    ['restart', 'one', 'done'],
    ['start', 'one', 'done'],
    ['stop', 'one', 'done'],
    ['stop', 'one', 'done'],
    ['start', 'one', 'done'],
    ['daemon', '', 'done'],
    ['agent', 'one', 'done'],
    ['restart', 'nobody', 'refused'],
  ]);
  expect(audit.filter(({ operation }) => operation === 'ListAgents').length).toBeGreaterThanOrEqual(5);
  expect(audit.some(({ operation }) => operation === 'GetAgentMetrics')).toBe(true);
  expect(readFileSync(link.host.auditFile, 'utf8')).not.toContain(SECRET);
});

test.concurrent('remote.allow: what is not in it is refused, over both ways', async (context) => {
  const link = await linkedBothWays(context);
  await link.configure({ agents: [sampleAgent('one')], remote: { allow: ['list'] } });
  const op = await serving(link);
  await running(link);
  const before = link.host.agents();
  const refused = [['restart', 'one'], ['stop', 'one'], ['start', 'one'], ['metrics', 'one'], ['config']];
  for (const via of WAYS) {
    expect(await op(via, 'list')).toMatchObject({ code: 0, outcome: { via } });
    const answers = await Promise.all(refused.map((args) => op(via, ...args)));
    for (const answer of answers) {
      expect(answer).toMatchObject({ code: 1, outcome: { via, success: false, status: 'PERMISSION_DENIED' } });
    }
  }
  expect(link.host.agents()).toEqual(before);
  const outcomes = link.host.audit().map(({ operation, outcome }) => `${operation} ${outcome}`);
  expect(outcomes.filter((outcome) => outcome === 'ListAgents done')).toHaveLength(2);
  expect(outcomes.filter((outcome) => outcome.endsWith('refused'))).toHaveLength(2 * refused.length);
  expect(link.manager.eventsNamed('stream')[0]?.operations).toEqual(['list']);
}, 60_000);

test.concurrent('one that is asked for twice is carried out once, and goes on when its caller has given up', async (context) => {
  const link = await linkedBothWays(context);
  const { host, manager } = link;
  const go = join(host.folder, 'go');
  // deaf to SIGTERM, so that a restart takes until the file is there
  const script = 'trap "" TERM; rm -f "$1"; until [ -f "$1" ]; do sleep 0.05; done';
  const slow = {
    ...{ id: 'slow', type: 'custom', binary_path: '/bin/bash', args: ['-c', script, 'slow', go] },
    health_check: { heartbeat_timeout: 0 },
  };
  await link.configure({ agents: [slow] });
  const op = await serving(link);
  await running(link);
  const [before] = host.agents();
  const { nodeId } = await manager.event('registered');
  const ordered = (tag: string, order: object): Promise<OperatedEvent> => {
    manager.child.write(JSON.stringify({ node: nodeId, tag, ...order }));
    return manager.event('operated', (event) => event.tag === tag, 30_000);
  };
  const restart = { op: 'restart', agent: 'slow' };
  const gaveUp = await ordered('impatient', { ...restart, via: 'stream', timeoutMs: 300 });
  expect(gaveUp).toMatchObject({ success: false, status: 'DEADLINE_EXCEEDED' });
  await op('dial', 'list'); // there is a connection for it now
  const both = Promise.all(WAYS.map((via) => ordered(via, { ...restart, via })));
  // what is answered behind them says that they have arrived
  await Promise.all(WAYS.map((via) => ordered(`list by ${via}`, { op: 'list', via })));
  writeFileSync(go, '');
  expect((await both).map(({ success }) => success)).toEqual([true, true]);
  const starts = host.log().filter(({ event, status }) => event === 'agent-status' && status === 'starting');
  expect(starts).toHaveLength(2);
  expect(host.agents()).not.toContain(before);
  const restarts = host.audit().filter(({ asked }) => asked === 'restart');
  expect(restarts.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'done']);
}, 60_000);

const program = (version: string): string =>
  `#!/bin/sh\n[ "$1" = --version ] && { echo "own ${version}"; exit; }\nexec sleep 600\n`;

test.concurrent('an update is pushed over the stream, and its result comes back over it', async (context) => {
  const link = await linkedBothWays(context);
  const { host, manager } = link;
  const binary = join(host.folder, 'own');
  const next = join(host.folder, 'next');
  const keyFile = join(host.folder, 'key');
  writeFileSync(binary, program('1.0.0'));
  chmodSync(binary, 0o755);
  writeFileSync(next, program('2.0.0'));
  keygen({ type: 'rsa', bits: 2048, curve: '', out: keyFile, passphraseFile: '' });
  const { signature } = sign({
    ...{ file: next, keyFile, passphraseFile: '', pss: true, manifest: null, nowMs: Date.now() },
  });
  writeFileSync(`${next}.sig`, Buffer.from(signature?.base64 ?? '', 'base64'));
  await link.configure({
    agents: [
      {
        ...{ id: 'own', type: 'custom', binary_path: binary, args: [], version_args: ['--version'] },
        health_check: { heartbeat_timeout: 0 },
      },
    ],
    update: {
      ...{ download_dir: join(host.folder, 'downloads'), backup_dir: join(host.folder, 'backups') },
      ...{ public_key_file: `${keyFile}.pub`, verify_timeout: '20s', verify_seconds: '1s' },
    },
  });
  const op = await serving(link);
  await running(link);
  const pushed = await op('stream', 'push-update', next, '--version', '2.0.0', '--agent', 'own');
  expect(pushed).toMatchObject({ code: 0, outcome: { success: true, via: 'stream' } });
  const told = await manager.event('happened', ({ updates }) => updates.length > 0, 20_000);
  expect(told).toMatchObject({
    via: 'stream',
    updates: [{ component: 'agent', agentId: 'own', success: true, oldVersion: '1.0.0', newVersion: '2.0.0' }],
  });
  expect(readFileSync(binary, 'utf8')).toBe(program('2.0.0'));
  expect(host.audit()).toMatchObject([
    { via: 'stream', operation: 'PushUpdate', outcome: 'done', agentId: 'own', version: '2.0.0', status: 0 },
  ]);
}, 60_000);
