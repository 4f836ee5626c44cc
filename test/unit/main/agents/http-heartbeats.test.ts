import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HeartbeatCounters } from '../../../../src/main/agents/heartbeat-counters.ts';
import type { Heartbeat } from '../../../../src/main/agents/heartbeats.ts';
import { HttpHeartbeats } from '../../../../src/main/agents/http-heartbeats.ts';
import { RateLimit } from '../../../../src/shared/lifecycle/rate-limit.ts';

let server: HttpHeartbeats;
let counters: HeartbeatCounters;
let got: [string, Heartbeat][];
let nowMs: number;

beforeEach(async () => {
  counters = new HeartbeatCounters();
  got = [];
  nowMs = 0;
  server = await HttpHeartbeats.listen({
    port: 0,
    counters,
    nowMs: () => nowMs,
    onHeartbeat: (agentId, heartbeat) => {
      got.push([agentId, heartbeat]);
      return agentId === 'bad' ? 'there is no agent bad' : null;
    },
  });
});
afterEach(() => server.close());

const url = (path: string): string => `http://127.0.0.1:${server.port}${path}`;
const post = (body: string, path = '/heartbeat'): Promise<Response> => fetch(url(path), { method: 'POST', body });
const VALID = { agent_id: 'a', pid: 7, status: 'running', cpu: 1.5, memory: 10, timestamp: 'now' };

describe('HttpHeartbeats', () => {
  test('takes a heartbeat and says so', async () => {
    const response = await post(JSON.stringify(VALID));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      success: true,
      message: 'ok',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(got).toEqual([['a', { pid: 7, version: '', status: 'running', cpuPercent: 1.5, memoryBytes: 10 }]]);
  });

  test.each([
    ['nonsense', 400, 'JSON'],
    ['[]', 400, 'pid'],
    [JSON.stringify({ ...VALID, pid: 0 }), 400, 'pid'],
    [JSON.stringify({ ...VALID, agent_id: undefined }), 400, 'agent_id'],
    [JSON.stringify({ ...VALID, agent_id: 'bad' }), 400, 'no agent bad'],
    [JSON.stringify({ ...VALID, status: 'x'.repeat(70_000) }), 413, '65536'],
  ])('refuses %.40s with %d', async (body, status, words) => {
    const response = await post(body);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ success: false, message: expect.stringContaining(words) });
  });

  test('other methods and other places', async () => {
    const got405 = await fetch(url('/heartbeat'));
    expect([got405.status, got405.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await post('{}', '/heartbeat/stats')).status).toBe(405);
    expect((await post('{}', '/else')).status).toBe(404);
  });

  test('more than the rate allows are turned away and counted, and pass again later', async () => {
    const answers = await Promise.all(Array.from({ length: 220 }, () => post(JSON.stringify(VALID))));
    expect(answers.filter(({ status }) => status === 503)).toHaveLength(20);
    expect(counters.dropped).toBe(20);
    nowMs += 1000;
    expect((await post(JSON.stringify(VALID))).status).toBe(200);
  });

  test('listens on loopback only, on both addresses with the same port where there are two', async () => {
    const other = await new Promise<string>((resolve) => {
      const socket = connect({ host: '127.0.0.2', port: server.port });
      socket.once('connect', () => resolve('connected')).once('error', () => resolve('refused'));
    });
    expect(other).toBe('refused');
  });

  test('a port that is taken is an error, with nothing left open', async () => {
    const { port } = server;
    const options = { port, counters, nowMs: () => 0, onHeartbeat: () => null };
    await expect(HttpHeartbeats.listen(options)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

test('RateLimit lets a burst pass, then so many a second; time that goes back does no harm', () => {
  const limit = new RateLimit(2, 3);
  const taken = (atMs: number): boolean[] => [limit.take(atMs), limit.take(atMs)];
  expect([taken(0), taken(0)].flat()).toEqual([true, true, true, false]);
  expect(taken(500)).toEqual([true, false]);
  expect(taken(100)).toEqual([false, false]);
  expect([taken(60_000), taken(60_000)].flat()).toEqual([true, true, true, false]);
});
