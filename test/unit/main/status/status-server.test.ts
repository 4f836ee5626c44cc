import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { pagePolicy, StatusServer, type TimeLimits } from '../../../../src/main/status/status-server.ts';
import type { Config } from '../../../../src/shared/config/schema.ts';
import type { StatusPageView } from '../../../../src/shared/contracts/status-page.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { type FakeSources, fakeSources, hourOfSamples, statusConfig } from '../../../fakes/status-sources.ts';
import { waitFor } from '../../../support/wait-until.ts';

const PAGE = '<!doctype html><style>p{}</style><script>1</script>';
let clock: FakeClock;
let log: FakeLog;
let sources: FakeSources;
let config: Config;
let server: StatusServer;

async function serve(address = '127.0.0.1:0', timeLimits?: TimeLimits): Promise<StatusServer> {
  const options = { address, page: PAGE, sources, config: () => config, clock, log };
  return StatusServer.listen({ ...options, ...(timeLimits ? { timeLimits } : {}) });
}

beforeEach(async () => {
  clock = new FakeClock();
  log = new FakeLog();
  sources = fakeSources(clock.wallMs());
  config = statusConfig();
  server = await serve();
});
afterEach(() => server.close());

const get = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`http://${server.address}${path}`, init);

interface Answer {
  status: number;
  allow: string | undefined;
}

/** As fetch, which sends neither a foreign host nor a body with GET. */
function ask(over: { method?: string; path?: string; headers?: Record<string, string> }, body = ''): Promise<Answer> {
  const port = Number(server.address.split(':').at(-1));
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, agent: false, ...over }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, allow: answer.headers.allow }));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

/** A bare connection that sends the text. What came and whether it was ended is to be seen. */
function dial(text: string): { socket: Socket; came: () => string; ended: () => boolean } {
  const socket = connect({ host: '127.0.0.1', port: Number(server.address.split(':').at(-1)) });
  onTestFinished(() => void socket.destroy());
  let came = '';
  let ended = false;
  socket.on('data', (chunk: Buffer) => {
    came += chunk.toString();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    ended = true;
  });
  socket.write(text);
  return { socket, came: () => came, ended: () => ended };
}

describe('StatusServer', () => {
  test('the page may run its own script and nothing else; nothing may hold it in a frame', async () => {
    const answer = await get('/');
    expect(await answer.text()).toBe(PAGE);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy).toBe(pagePolicy(PAGE));
    // openssl's own digest of the two texts
    expect(policy).toContain("script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='");
    expect(policy).toMatch(/default-src 'none'.*frame-ancestors 'none'.*connect-src 'self'.*trusted-types 'none'$/);
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  });

  test.each(['/', '/api/status', '/metrics', '/else'])('%s lets no other site read it', async (path) => {
    const { headers } = await get(path, { headers: { origin: 'https://evil.example' } });
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'x-frame-options': 'DENY',
      'cache-control': 'no-store',
      'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
    });
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('the data has what was asked of the daemon and the hour that was collected', async () => {
    server.samples(hourOfSamples(clock.wallMs()));
    const answer = await get('/api/status');
    expect(answer.headers.get('content-type')).toBe('application/json');
    const view = (await answer.json()) as StatusPageView;
    expect(view.status.hostName).toBe('web-17');
    expect(view.history.cpu.points).toHaveLength(60);
    expect(view.history.network.points.at(-1)?.[0]).toBe(clock.wallMs());
  });

  test('metrics in the format that Prometheus asks for; gone while they are switched off', async () => {
    const answer = await get('/metrics');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
    expect(await answer.text()).toContain('\ndaemon_agent_up{agent="telegraf"} 1\n');
    config = statusConfig('status: {metrics: false}\n');
    expect((await get('/metrics')).status).toBe(404);
    expect((await get('/api/status')).status).toBe(200);
  });

  test('HEAD gives the head alone', async () => {
    const answer = await get('/api/status', { method: 'HEAD' });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    expect(Number(answer.headers.get('content-length'))).toBeGreaterThan(1000);
  });

  test('refuses foreign hosts, other methods and bodies, before anything is asked', async () => {
    expect(await ask({ headers: { host: `evil.example:${server.address.split(':')[1]}` } })).toMatchObject({
      status: 421,
    });
    expect(await ask({ method: 'POST', path: '/api/status' })).toEqual({ status: 405, allow: 'GET, HEAD' });
    expect(await ask({ method: 'OPTIONS', path: '/api/status' })).toMatchObject({ status: 405 });
    expect(await ask({ path: '/api/status', headers: { 'content-length': '1' } }, 'x')).toMatchObject({ status: 413 });
    const chunked = { 'transfer-encoding': 'chunked' };
    expect(await ask({ path: '/api/status', headers: chunked }, 'x')).toMatchObject({ status: 413 });
    expect(await ask({ path: '/../../etc/passwd' })).toMatchObject({ status: 404 });
    expect(sources.asked).toEqual([]);
  });

  test('a head that is too large, and what is no HTTP, end their connection only', async () => {
    expect(await ask({ headers: { 'x-long': 'x'.repeat(9000) } })).toMatchObject({ status: 431 });
    const nonsense = dial('nonsense\r\n\r\n');
    await waitFor(() => nonsense.ended(), { what: 'the end of the connection' });
    expect(nonsense.came()).toMatch(/^HTTP\/1\.1 400 /);
    expect((await get('/')).status).toBe(200);
  });

  test('who asks while the answer is being made gets the same one', async () => {
    let release: (value: typeof sources.facts.status) => void = () => {};
    let asked = 0;
    sources.status = () => {
      asked++;
      return new Promise((resolve) => {
        release = resolve;
      });
    };
    const answers = [get('/api/status'), get('/api/status'), get('/api/status')];
    await waitFor(() => asked > 0, { what: 'the question' });
    // all three have come in once a later request has been answered
    await get('/');
    release(sources.facts.status);
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(asked).toBeLessThan(3);
  });

  test('what cannot be found out is 500, told once and without its reason', async () => {
    sources.agents = () => Promise.reject(new Error('secret reason'));
    const answers = [await get('/api/status'), await get('/metrics')];
    for (const answer of answers) {
      expect(answer.status).toBe(500);
      expect(await answer.text()).not.toContain('secret');
    }
    expect(log.events('status-page')).toHaveLength(1);
  });

  test('more than the rate allows are turned away, and pass again later', async () => {
    const statuses: number[] = [];
    for (let count = 0; count < 62; count++) statuses.push((await get('/')).status);
    expect(statuses.filter((status) => status === 429)).toHaveLength(2);
    await clock.advance(1000);
    expect((await get('/')).status).toBe(200);
  });

  test('the seventeenth connection is closed, and one that ends makes room', async () => {
    const held = Array.from({ length: 16 }, () => dial('GET / HTTP/1.1\r\nHost: '));
    const first = held[0];
    await waitFor(() => held.every(({ socket }) => !socket.connecting), { what: 'sixteen connections' });
    const more = dial('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await waitFor(() => more.ended(), { what: 'the end of the seventeenth' });
    expect([more.came(), held.filter(({ ended }) => ended()).length]).toEqual(['', 0]);
    first?.socket.destroy();
    await waitFor(async () => (await get('/')).status === 200, { what: 'an answer' });
  });

  test('a head that trickles, and connections on which nothing comes, are given up', async () => {
    await server.close();
    server = await serve('127.0.0.1:0', { headersMs: 100, requestMs: 200, idleMs: 300, lookMs: 20 });
    const slow = dial('GET / HT');
    const trickle = setInterval(() => slow.socket.write('x'), 20);
    onTestFinished(() => clearInterval(trickle));
    await waitFor(() => slow.ended(), { what: 'the end of the slow one', timeoutMs: 5000 });
    const silent = dial('');
    await waitFor(() => silent.ended(), { what: 'the end of the silent one', timeoutMs: 5000 });
    const idle = dial(`GET / HTTP/1.1\r\nHost: ${server.address}\r\n\r\n`);
    await waitFor(() => idle.ended(), { what: 'the end of the idle one', timeoutMs: 5000 });
    expect(idle.came()).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('close ends connections under way, and the port is free again', async () => {
    sources.status = () => new Promise(() => {});
    const hanging = get('/api/status').catch((error: unknown) => error);
    await waitFor(() => sources.asked.includes('agents'), { what: 'the question' });
    const { address } = server;
    await server.close();
    expect(await hanging).toBeInstanceOf(Error);
    server = await serve(address);
    expect(server.address).toBe(address);
    await expect(serve(address)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('serves IPv6 loopback where the host has it', async (context) => {
    const six = await serve('[::1]:0').catch((error: NodeJS.ErrnoException) => error);
    if (six instanceof Error) return context.skip(`no IPv6 here: ${six.message}`);
    onTestFinished(() => six.close());
    expect((await fetch(`http://${six.address}/`)).status).toBe(200);
  });
});
