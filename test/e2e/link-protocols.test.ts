/** The Managers that a daemon may meet: by the design document, and the one in service, which has no TLS. */
import { expect, test } from 'vitest';
import { sampleAgent } from '../support/daemon-process.ts';
import { waitFor } from '../support/wait-until.ts';
import { delivered, doubles, linked, linkedBothWays, registrations } from './link-host.ts';

const PLAINTEXT = ['manager.tls', 'server.tls'];

test.concurrent('one that speaks proto.DaemonService only: found, obeyed by the node id that it gave', async (context) => {
  const link = await linked(context, { protocol: 'daemon' });
  const { host, manager, configure } = link;
  await configure({
    agents: [sampleAgent('one')],
    collectors: { cpu: { interval: '1s' }, memory: { interval: '1s' } },
  });
  host.start();
  const { nodeId } = await manager.event('registered');
  expect(nodeId).toBe('node-1');
  expect(await manager.event('heartbeat')).toMatchObject({ protocol: 'daemon', nodeId, status: 'running' });
  await waitFor(() => delivered(manager).length >= 6, { what: 'six reports' });
  const reports = manager.eventsNamed('report');
  expect(reports.every(({ protocol, accepted }) => protocol === 'daemon' && accepted)).toBe(true);
  const cpu = reports.flatMap(({ metrics }) => metrics).find(({ type }) => type === 'cpu');
  expect(cpu?.values['cores']).toBeGreaterThan(0);
  expect(doubles(delivered(manager))).toBe(0);
  await host.logged('agent-status', ({ status }) => status === 'running');
  const [before] = host.agents();
  const done = await manager.op(nodeId, 'restart', 'one', '--via', 'stream');
  expect(done).toMatchObject({ code: 0, outcome: { success: true, via: 'stream' } });
  expect(await manager.op(nodeId, 'config', '--via', 'stream')).toMatchObject({ code: 0 });
  expect(host.agents()).not.toContain(before);
  expect(await host.link()).toMatchObject({ state: 'connected', protocol: 'daemon', nodeId });
  // asked anew at each registration, the same id by the same name
  await manager.fault({ fault: 'drop' });
  await registrations(manager, 2);
  expect(manager.eventsNamed('registered').every((event) => event.nodeId === 'node-1' && event.accepted)).toBe(true);
  await waitFor(() => manager.eventsNamed('heartbeat').length >= 3, { what: 'heartbeats' });
  expect(link.warnings().filter(({ event }) => event !== 'link-state')).toEqual([]);
});

test.concurrent('the one in service, in plaintext both ways: warned about, served, never frozen', async (context) => {
  const { host, manager, configure } = await linkedBothWays(context, { existing: true });
  const agent = (id: string, script: string, over: object = {}): Record<string, unknown> => ({
    ...{ id, type: 'custom', binary_path: '/bin/bash', args: ['-c', script] },
    ...{ health_check: { heartbeat_timeout: 0 }, ...over },
  });
  await configure({
    server: { tls: 'off' },
    agents: [
      agent('one', 'exec sleep 600'),
      // deaf to SIGTERM
      agent('deaf', 'trap "" TERM; while :; do sleep 0.1; done', { stop_timeout: '500ms' }),
      // ends at once, with all the words that freeze this Manager
      agent('broken', 'echo "connection timeout: deadline exceeded, service unavailable" >&2; exit 3', {
        restart: { max_retries: 0 },
      }),
      { ...agent('missing', ''), binary_path: '/nowhere/connection-timeout' },
    ],
  });
  for (const start of [1, 2]) {
    const since = host.log().length;
    const daemon = host.start();
    await registrations(manager, start);
    await host.logged('plaintext', ({ key }) => key === 'server.tls', since);
    const warned = host
      .log()
      .slice(since)
      .filter(({ event }) => event === 'plaintext');
    expect(warned.map(({ key }) => key).sort()).toEqual(PLAINTEXT);
    expect(warned.every(({ level }) => level === 'warn')).toBe(true);
    const shown = await host.ctl('link');
    expect(shown).toMatch(/^Warning .*manager\.tls: off/m);
    expect(shown).toMatch(/^Warning .*server\.tls: off/m);
    expect((await host.link()).plaintext).toEqual(['manager', 'server']);
    // the Manager in service never calls a daemon again whose connection was closed: a first call is the last daemon's
    if (start === 1) await daemon.kill('SIGTERM');
  }
  const { nodeId } = await manager.event('registered');
  const deaf = await manager.event('states', ({ states }) =>
    states.some(({ agentId, status }) => agentId === 'deaf' && status === 'running'),
  );
  expect(deaf.states.map(({ agentId }) => agentId).sort()).toEqual(['broken', 'deaf', 'missing', 'one']);
  const op = async (...args: string[]): Promise<unknown> => (await manager.op(nodeId, ...args)).outcome;
  expect(await op('list')).toMatchObject({ success: true, via: 'dial' });
  expect(await op('restart', 'one')).toMatchObject({ success: true, via: 'dial' });
  expect(await op('stop', 'deaf')).toMatchObject({ success: true });
  for (const id of ['broken', 'missing']) {
    for (const operation of ['start', 'restart']) {
      expect(await op(operation, id)).toMatchObject({ via: 'dial', status: expect.stringMatching(/^(OK|INTERNAL)$/) });
    }
  }
  expect(await op('metrics', 'one')).toMatchObject({ success: true });
  expect(manager.eventsNamed('frozen')).toEqual([]);
  expect(await op('stop', 'one')).toMatchObject({ success: true, via: 'dial' });
  const said = manager.eventsNamed('operated').map(({ message }) => message);
  expect(said.filter((message) => /connection|timeout|deadline exceeded|unavailable/i.test(message))).toEqual([]);
  expect(host.audit().every(({ via, caller }) => via === 'port' && caller.length === 0)).toBe(true);
  // it does not know the stream, and is not asked for it again and again
  expect((await host.link()).stream).toBe('unimplemented');
});
