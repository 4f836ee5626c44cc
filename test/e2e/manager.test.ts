import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManagerClient } from '../support/manager-client.ts';
import { DIST, ManagerProcess } from '../support/manager-process.ts';
import { Child } from '../support/processes.ts';
import { waitFor } from '../support/wait-until.ts';

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
  [['--help'], 0, /^usage: manager/],
  [['--port', '1'], 2, /^manager: --tls DIR is missing/],
  [['--nonsense'], 2, /^manager: Unknown option '--nonsense'/],
])('%j', async (args, code, line) => {
  const child = new Child([BUNDLE, ...args]);
  expect(await child.ended()).toEqual({ code, signal: null });
  const said = () => (code === 0 ? child.stdout : child.stderr);
  await waitFor(() => said().length > 0, { what: 'the output' });
  expect(said()[0]).toMatch(line);
  if (code !== 0) expect(child.stderr).toHaveLength(1);
});
