import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HeartbeatCounters } from '../../../../src/main/agents/heartbeat-counters.ts';
import { type Heartbeat, HeartbeatReceiver, parseHeartbeat } from '../../../../src/main/agents/heartbeats.ts';
import { FakeLog } from '../../../fakes/log.ts';

const VALID = { pid: 42, timestamp: '2025-12-01T00:00:00Z', version: '1.2', status: 'running', cpu: 1.5, memory: 1024 };

describe('parseHeartbeat', () => {
  test('takes the fields of the design document', () => {
    expect(parseHeartbeat(VALID)).toEqual({
      pid: 42,
      version: '1.2',
      status: 'running',
      cpuPercent: 1.5,
      memoryBytes: 1024,
    });
  });

  test('only pid is mandatory', () => {
    expect(parseHeartbeat({ pid: 1 })).toEqual({ pid: 1, version: '', status: '', cpuPercent: 0, memoryBytes: 0 });
  });

  test.each([
    [{}, 'pid'],
    [{ ...VALID, pid: 0 }, 'pid'],
    [{ ...VALID, pid: 1.5 }, 'pid'],
    [{ ...VALID, pid: '7' }, 'pid'],
    [{ ...VALID, cpu: 'much' }, 'cpu'],
    [{ ...VALID, cpu: -1 }, 'cpu'],
    [{ ...VALID, memory: null, cpu: [] }, 'cpu'],
    [{ ...VALID, version: 3 }, 'version'],
    [{ ...VALID, status: 'x'.repeat(201) }, 'status'],
    [{ ...VALID, timestamp: 5 }, 'timestamp'],
  ])('%j is refused for its %s', (value, field) => {
    expect(() => parseHeartbeat(value)).toThrow(field);
  });
});

describe('HeartbeatReceiver', () => {
  let folder: string;
  let path: string;
  let log: FakeLog;
  let counters: HeartbeatCounters;
  let got: Heartbeat[];
  let receiver: HeartbeatReceiver | null;
  const clients: Socket[] = [];

  const listen = async (): Promise<void> => {
    receiver = await HeartbeatReceiver.listen({
      path,
      log,
      counters,
      nowMs: () => 0,
      onHeartbeat: (heartbeat) => {
        got.push(heartbeat);
        return heartbeat.pid === 13 ? 'pid 13 is not of any agent' : null;
      },
    });
  };
  const client = (): Socket => {
    const socket = connect(path);
    clients.push(socket);
    return socket;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'heartbeat-'));
    path = join(folder, 'heartbeat.sock');
    log = new FakeLog();
    counters = new HeartbeatCounters();
    got = [];
    receiver = null;
  });
  afterEach(async () => {
    for (const socket of clients.splice(0)) socket.destroy();
    await receiver?.close();
    rmSync(folder, { recursive: true });
  });

  test('receives heartbeats of several connections, several a connection', async () => {
    await listen();
    client().write(`${JSON.stringify(VALID)}\n${JSON.stringify({ ...VALID, pid: 43 })}\n`);
    client().write(JSON.stringify({ ...VALID, pid: 44 }));
    await vi.waitFor(() => expect(got.map(({ pid }) => pid).sort()).toEqual([42, 43, 44]));
  });

  test('a malformed frame ends that connection with a logged reason; the others go on', async () => {
    await listen();
    const good = client();
    const bad = client();
    const closed = new Promise((resolve) => bad.once('close', resolve));
    bad.write('nonsense');
    await closed;
    expect(log.events('heartbeat-refused')).toMatchObject([{ reason: expect.stringContaining('between two objects') }]);
    good.write(JSON.stringify(VALID));
    await vi.waitFor(() => expect(got).toHaveLength(1));
  });

  test('a refused heartbeat is logged and the connection stays', async () => {
    await listen();
    const socket = client();
    socket.write(JSON.stringify({ ...VALID, pid: 13 }));
    socket.write(JSON.stringify(VALID));
    await vi.waitFor(() => expect(got).toHaveLength(2));
    expect(log.events('heartbeat-refused')).toMatchObject([{ reason: 'pid 13 is not of any agent' }]);
  });

  test('more than the rate allows are dropped, counted and told once; the connection stays', async () => {
    await listen();
    const socket = client();
    socket.write(JSON.stringify(VALID).repeat(150));
    await vi.waitFor(() => expect(counters.dropped).toBe(50));
    expect(got).toHaveLength(100);
    expect(log.events('heartbeat-refused')).toHaveLength(1);
    expect(socket.destroyed).toBe(false);
  });

  test('the socket is 0660 and goes with the receiver', async () => {
    await listen();
    expect(statSync(path).mode & 0o777).toBe(0o660);
    await receiver?.close();
    expect(existsSync(path)).toBe(false);
  });

  test('a stale socket file is replaced, a live one is an error', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(path, resolve));
    await expect(listen()).rejects.toThrow('served by another program');
    await new Promise((resolve) => other.close(resolve));
    writeFileSync(path, '');
    await listen();
    client().write(JSON.stringify(VALID));
    await vi.waitFor(() => expect(got).toHaveLength(1));
  });
});
