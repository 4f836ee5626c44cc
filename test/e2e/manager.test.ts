import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { UpdateRequest } from '../../src/shared/gen/daemon.ts';
import { freePort } from '../support/free-port.ts';
import { ManagerClient } from '../support/manager-client.ts';
import { createTwoWayCertificates, DIST, ManagerProcess } from '../support/manager-process.ts';
import { Child } from '../support/processes.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-until.ts';
import { answerAll, type FakeDaemon, startDaemon } from '../unit/manager/fake-daemon.ts';

const BUNDLE = join(DIST, 'manager.js');

describe('a Manager that runs', () => {
  let manager: ManagerProcess;
  let client: ManagerClient;
  beforeEach(async () => {
    manager = await ManagerProcess.start({ args: ['--refuse', 'SyncAgentStates=not today'] });
    client = await ManagerClient.open(manager.port, manager.tlsFolder);
  });
  afterEach(async () => {
    client.close();
    await manager.stop();
  });

  test('tells what it gets, a line each', async () => {
    await client.register();
    await client.heartbeat('node-1', 1234);
    await client.report([{ type: 'cpu', timestamp: 99, values: new Map([['usage_percent', 5]]) }]);
    expect((await client.sync([])).message).toBe('not today');
    await manager.event('states');
    expect(manager.events).toMatchObject([
      { event: 'listening', port: manager.port },
      { event: 'registered', nodeId: 'node-1', hostname: 'host-1', labels: { rack: '7' }, accepted: true },
      { event: 'heartbeat', nodeId: 'node-1', timestamp: 1234, accepted: true },
      { event: 'report', metrics: [{ type: 'cpu', timestamp: 99, values: { usage_percent: 5 } }], accepted: true },
      { event: 'states', states: [], accepted: false, message: 'not today' },
    ]);
  });

  test('takes faults while it runs', async () => {
    await manager.fault({ fault: 'refuse', method: 'Heartbeat', message: 'no', times: 1 });
    expect(await client.heartbeat()).toEqual({ success: false, message: 'no' });
    expect((await client.heartbeat()).success).toBe(true);
    await manager.fault({ fault: 'stall', method: 'Heartbeat' });
    const held = client.heartbeat();
    await manager.fault({ fault: 'release' });
    // the call may arrive after the release: then the next one lets it go
    await waitFor(
      async () => {
        await manager.fault({ fault: 'release' });
        return manager.eventsNamed('heartbeat').length === 3;
      },
      { what: 'the held heartbeat' },
    );
    expect((await held).success).toBe(true);
    await expect(manager.fault({ fault: 'stall' })).rejects.toThrow('unknown method undefined');
    manager.child.write('no JSON');
    await manager.event('fault', ({ error }) => error?.includes('JSON') ?? false);
  });

  test('dropping resets its connections', async () => {
    await client.register();
    await manager.fault({ fault: 'stall', method: 'Heartbeat' });
    const outcome = expect(client.heartbeat()).rejects.toMatchObject({ code: expect.any(Number) });
    await manager.fault({ fault: 'drop' });
    client.close();
    await outcome;
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it with 0, a call that is held or not', async (signal) => {
    await manager.fault({ fault: 'stall', method: 'Heartbeat' });
    const outcome = expect(client.heartbeat()).rejects.toMatchObject({ code: expect.any(Number) });
    await client.register();
    expect(await manager.child.kill(signal)).toEqual({ code: 0, signal: null });
    client.close();
    await outcome;
  });

  test('the end of its standard input means nothing', async () => {
    manager.child.process.stdin?.end();
    await client.register();
    expect((await client.heartbeat()).success).toBe(true);
    expect(manager.child.exit).toBeNull();
  });
});

describe('operations', () => {
  let manager: ManagerProcess;
  let client: ManagerClient;
  let daemon: FakeDaemon;
  let tls: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    tls = await temporaryFolder('tls');
    await createTwoWayCertificates(tls.path);
    daemon = await startDaemon(tls.path);
    manager = await ManagerProcess.start({ tlsFolder: tls.path, daemonPort: daemon.port });
    client = await ManagerClient.open(manager.port, tls.path);
    await client.register({ ip: '127.0.0.1' });
  });
  afterEach(async () => {
    client.close();
    await manager.stop();
    daemon.stop();
    await tls.remove();
  });

  test('by dialling the daemon, and over its stream once it has one', async () => {
    const dialled = await manager.op('node-1', 'restart', 'agent-1');
    expect(dialled).toMatchObject({ code: 0, outcome: { success: true, via: 'dial' }, stderr: '' });
    expect(daemon.calls).toEqual([{ method: 'operateAgent', request: { agentId: 'agent-1', operation: 'restart' } }]);
    const stream = client.connect();
    answerAll(stream);
    await manager.event('stream', ({ state }) => state === 'opened');
    const streamed = await manager.op('node-1', 'config');
    expect(streamed).toMatchObject({ code: 0, outcome: { via: 'stream', result: 'a: 1\n' } });
    expect(manager.eventsNamed('operated')).toMatchObject([
      { operation: 'restart', agent: 'agent-1', via: 'dial' },
      { operation: 'config', via: 'stream' },
    ]);
  });

  test('exit codes and words', async () => {
    daemon.reply = () => ({ response: { success: false, errorMessage: 'it did not start' } });
    expect(await manager.op('node-1', 'start', 'agent-1')).toMatchObject({
      code: 1,
      outcome: { success: false, message: 'it did not start' },
    });
    expect(await manager.op('node-1', 'list', '--via', 'stream')).toMatchObject({ code: 1, outcome: { via: 'none' } });
    expect(await manager.op('stranger', 'list')).toMatchObject({ code: 3, outcome: { noSuchNode: true } });
    expect(await manager.op('node-1', 'explode')).toMatchObject({ code: 2, outcome: null });
    expect(await manager.op('node-1', 'delete')).toMatchObject({ code: 0 });
    expect(await manager.op('node-1', 'list')).toMatchObject({ code: 3 });
  });

  test('a package is pushed inline, with what lies beside it', async () => {
    const file = join(tls.path, 'package');
    writeFileSync(file, randomBytes(3 * 1024 * 1024));
    writeFileSync(`${file}.sig`, 'sig');
    const pushed = await manager.op('node-1', 'push-update', file, '--version', '2.0.0', '--agent', 'a');
    expect(pushed).toMatchObject({ code: 0, outcome: { message: 'the update has begun' } });
    const request = daemon.calls[0]?.request as UpdateRequest | undefined;
    expect(request).toMatchObject({ component: 'agent', agentId: 'a', version: '2.0.0' });
    expect(request?.updateData.equals(readFileSync(file))).toBe(true);
  });

  test('ordered on standard input', async () => {
    manager.child.write(JSON.stringify({ op: 'list', node: 'node-1', tag: 'mine' }));
    const done = await manager.event('operated', ({ tag }) => tag === 'mine');
    expect(done).toMatchObject({ success: true, via: 'dial', result: [{ id: 'agent-1' }] });
  });

  test('new certificates on order and on SIGHUP', async () => {
    const authority = await createTwoWayCertificates(tls.path);
    await manager.reloadTls();
    const other = await ManagerClient.open(manager.port, tls.path);
    expect((await other.heartbeat()).success).toBe(true);
    // who was there before goes on
    expect((await client.heartbeat()).success).toBe(true);
    other.close();
    writeFileSync(join(tls.path, 'server.key'), 'rubbish');
    await expect(manager.reloadTls()).rejects.toThrow('server.key');
    await createTwoWayCertificates(tls.path, { authority });
    const reloaded = manager.nextEvent('tls');
    manager.child.signal('SIGHUP');
    expect((await reloaded).error).toBeUndefined();
  });
});

describe('in plaintext', () => {
  test.each([
    ['--tls off', { tlsFolder: 'off' }],
    ['--like existing', { existing: true }],
  ])('%s: with a warning', async (_, options) => {
    const manager = await ManagerProcess.start({ ...options, connections: true, protocol: 'manager' });
    const client = ManagerClient.plaintext(manager.port);
    expect((await client.register()).success).toBe(true);
    await waitFor(() => manager.child.stderr.length === 1, { what: 'the warning' });
    expect(manager.child.stderr[0]).toContain('manager: TLS is off');
    await manager.event('connected');
    client.close();
    await manager.event('disconnected');
    await manager.stop();
  });

  test('without a stream', async () => {
    const manager = await ManagerProcess.start({ tlsFolder: 'off', stream: false });
    const client = ManagerClient.plaintext(manager.port);
    expect(await client.connect().ended).toMatchObject({ code: status.UNIMPLEMENTED });
    client.close();
    await manager.stop();
  });

  test('the control socket is found by the port', async () => {
    const child = new Child([BUNDLE, '--json', '--port', String(await freePort()), '--tls', 'off']);
    const { port, control } = await child.object(({ event }) => event === 'listening', { what: 'the first line' });
    expect(statSync(String(control)).mode & 0o777).toBe(0o600);
    const nodes = new Child([BUNDLE, 'nodes', '--port', String(port)]);
    expect(await nodes.ended()).toEqual({ code: 0, signal: null });
    await waitFor(() => nodes.stdout[0] === 'no nodes', { what: 'the answer' });
    await child.kill();
    expect(existsSync(String(control))).toBe(false);
  });
});

test('without --json it writes for a person', async () => {
  const certificates = await ManagerProcess.start();
  const child = new Child([BUNDLE, '--port', '0', '--tls', certificates.tlsFolder]);
  await waitFor(() => child.stdout.some((line) => /^listening on port \d+$/.test(line)), { what: 'the first line' });
  await child.kill();
  await certificates.stop();
});

test('a port that is taken: one clear line, exit code 1', async () => {
  const first = await ManagerProcess.start();
  const child = new Child([BUNDLE, '--port', String(first.port), '--tls', first.tlsFolder]);
  expect(await child.ended()).toEqual({ code: 1, signal: null });
  await waitFor(() => child.stderr.length === 1, { what: 'the line' });
  expect(child.stderr[0]).toContain('EADDRINUSE');
  await first.stop();
});

test.each([
  [['--version'], 0, /^manager \d+\.\d+\.\d+$/],
  [['--help'], 0, /^Usage: manager/],
  [['serve', '--help'], 0, /^Usage: manager serve/],
  [['--port', '1'], 2, /^manager: --tls DIR is missing/],
  [['--nonsense'], 2, /^manager: unknown option '--nonsense'/],
  [['op'], 2, /^manager: missing required argument 'node'/],
  [['op', 'node-1', 'restart'], 2, /^manager: restart wants an agent/],
  [['op', 'node-1', 'list', '--control', '/nowhere/s'], 3, /^manager: no Manager serves \/nowhere\/s/],
  [['nodes', '--control', '/nowhere/s'], 3, /^manager: no Manager serves/],
])('%j', async (args, code, line) => {
  const child = new Child([BUNDLE, ...args]);
  expect(await child.ended()).toEqual({ code, signal: null });
  const said = () => (code === 0 ? child.stdout : child.stderr);
  await waitFor(() => said().length > 0, { what: 'the output' });
  expect(said()[0]).toMatch(line);
  if (code !== 0) expect(child.stderr).toHaveLength(1);
});
