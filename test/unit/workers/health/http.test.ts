import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createCertificates } from '../../../../src/demo/certificates.ts';
import { askEndpoint, failureReason } from '../../../../src/workers/health/http.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';

const SHORT_MS = 150;
const LONG_MS = 20_000;

/** The port of a server that ends with the test; its open connections can be counted. */
async function listen(server: TcpServer | Server): Promise<{ port: number; open: Set<Socket> }> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {}); // the asker went: that is what is tested
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, open };
}

async function serve(handler: RequestListener): Promise<{ url: string; open: Set<Socket> }> {
  const { port, open } = await listen(createServer(handler));
  return { url: `http://127.0.0.1:${port}/health`, open };
}

function ask(url: string, timeoutMs = LONG_MS) {
  return askEndpoint({ url, timeoutMs });
}

describe('an answer', () => {
  test.each([
    [200, true, ''],
    [204, true, ''],
    [299, true, ''],
    [304, true, ''],
    [400, false, 'status 400'],
    [404, false, 'status 404'],
    [500, false, 'status 500'],
    [503, false, 'status 503'],
  ])('with status %d: %s', async (status, ok, reason) => {
    const { url, open } = await serve((_, response) => response.writeHead(status).end());
    expect(await ask(url)).toMatchObject({ ok, status, reason });
    await waitFor(() => open.size === 0, { what: 'the end of the connection' });
  });

  test('asks once, by GET, for that path, and keeps nothing open', async () => {
    const asked: unknown[] = [];
    const { url } = await serve(({ method, url: path, headers }, response) => {
      asked.push([method, path, headers.connection]);
      response.end('fine');
    });
    expect((await ask(`${url}?deep=1`)).ok).toBe(true);
    expect(asked).toEqual([['GET', '/health?deep=1', 'close']]);
  });

  test('tells how long it took, by the clock that it is given', async () => {
    const { url } = await serve((_, response) => response.end());
    let now = 0;
    const nowMs = (): number => {
      now += 40;
      return now;
    };
    expect((await askEndpoint({ url, timeoutMs: LONG_MS }, nowMs)).durationMs).toBe(40);
  });

  test('that never ends is read for 64 KiB', async () => {
    let sent = 0;
    const { url, open } = await serve((_, response) => {
      const more = (): void => {
        for (let takesMore = true; takesMore && !response.destroyed; sent += 16 * 1024) {
          takesMore = response.write(Buffer.alloc(16 * 1024));
        }
      };
      response.on('drain', more);
      more();
    });
    expect(await ask(url)).toMatchObject({ ok: true, status: 200 });
    await waitFor(() => open.size === 0, { what: 'the end of the connection' });
    expect(sent).toBeGreaterThanOrEqual(64 * 1024);
  });

  test('that breaks off is no answer', async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('a bit', () => response.destroy());
    });
    expect(await ask(url)).toMatchObject({ ok: false, status: 200, reason: 'status 200, but the answer broke off' });
  });
});

describe('the time limit', () => {
  test.each<[string, RequestListener, number | null, string]>([
    ['no head', () => {}, null, 'no answer within 0.15 s'],
    [
      'a body that stalls',
      (_, response) => void response.writeHead(200).write('a bit'),
      200,
      'status 200, but the answer did not end within 0.15 s',
    ],
    ['a stalled failure', (_, response) => void response.writeHead(500).write('a bit'), 500, 'status 500'],
  ])('ends %s', async (_, handler, status, reason) => {
    const { url, open } = await serve(handler);
    expect(await ask(url, SHORT_MS)).toMatchObject({ ok: false, status, reason });
    await waitFor(() => open.size === 0, { what: 'the end of the connection' });
  });

  test('ends a head that comes letter by letter', async () => {
    const server = createTcpServer((socket) => {
      const letters = setInterval(() => socket.write('H'), 5);
      socket.on('close', () => clearInterval(letters));
      socket.write('HTTP/1.1 200 OK\r\nX-Slow: ');
    });
    const { port, open } = await listen(server);
    expect(await ask(`http://127.0.0.1:${port}/`, SHORT_MS)).toMatchObject({ ok: false, status: null });
    await waitFor(() => open.size === 0, { what: 'the end of the connection' });
  });

  test('holds for all redirects together', async () => {
    let hops = 0;
    const { url } = await serve((_, response) => {
      if (hops++ === 0) response.writeHead(302, { location: '/slow' }).end();
    });
    expect(await ask(url, SHORT_MS)).toMatchObject({ ok: false, status: null, reason: 'no answer within 0.15 s' });
    expect(hops).toBe(2);
  });
});

describe('a redirect', () => {
  /** Answers /n with a redirect to /n-1, and /0 with 200. */
  const countdown: RequestListener = ({ url }, response) => {
    const left = Number(url?.slice(1));
    if (left > 0) response.writeHead(301, { location: `/${left - 1}` }).end();
    else response.end('there');
  };

  test.each([
    [0, true, 200],
    [1, true, 200],
    [3, true, 200],
    [4, false, 301],
  ])('%d within the host', async (count, ok, status) => {
    const { url } = await serve(countdown);
    const reason = ok ? '' : 'more than 3 redirects';
    expect(await ask(url.replace('/health', `/${count}`))).toMatchObject({ ok, status, reason });
  });

  test('in a loop fails', async () => {
    let asked = 0;
    const { url } = await serve((_, response) => {
      asked++;
      response.writeHead(307, { location: '/health' }).end();
    });
    expect(await ask(url)).toMatchObject({ ok: false, status: 307, reason: 'more than 3 redirects' });
    expect(asked).toBe(4);
  });

  test('to another port of the host is followed, and what it leads to counts', async () => {
    const there = await serve((_, response) => response.writeHead(500).end());
    const { url } = await serve((_, response) => response.writeHead(302, { location: there.url }).end());
    expect(await ask(url)).toMatchObject({ ok: false, status: 500 });
  });

  test('elsewhere is well and not followed', async () => {
    let asked = 0;
    const there = await serve((_, response) => {
      asked++;
      response.writeHead(500).end();
    });
    const elsewhere = there.url.replace('127.0.0.1', 'localhost');
    const { url } = await serve((_, response) => response.writeHead(301, { location: elsewhere }).end());
    const reason = `leads to http://${new URL(elsewhere).host}, which is not followed`;
    expect(await ask(url)).toMatchObject({ ok: true, status: 301, reason });
    expect(asked).toBe(0);
  });

  test.each([
    ['without a place', undefined],
    ['to no URL', 'http://['],
    ['to another protocol', 'ftp://127.0.0.1/'],
  ])('%s is well', async (_, location) => {
    const { url } = await serve((_request, response) => response.writeHead(302, location ? { location } : {}).end());
    expect(await ask(url)).toMatchObject({ ok: true, status: 302 });
  });
});

describe('no answer', () => {
  test('refused', async () => {
    const server = createTcpServer();
    const { port } = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    for (const host of ['127.0.0.1', 'localhost']) {
      const found = await ask(`http://${host}:${port}/`);
      expect(found).toMatchObject({ ok: false, status: null, reason: 'refused: nothing listens there' });
    }
  });

  test.each<[string, (socket: Socket) => void, string]>([
    ['closed at once', (socket) => socket.destroy(), 'closed without an answer'],
    ['ended at once', (socket) => socket.end(), 'closed without an answer'],
    ['another protocol', (socket) => socket.end('SSH-2.0-x\r\n'), 'not an HTTP answer (HPE_INVALID_CONSTANT)'],
  ])('%s', async (_, onSocket, reason) => {
    const { port } = await listen(createTcpServer(onSocket));
    expect(await ask(`http://127.0.0.1:${port}/`)).toMatchObject({ ok: false, status: null, reason });
  });

  test('a certificate that nobody vouches for', async () => {
    const folder = await testFolder('tls');
    await createCertificates(folder);
    const read = (name: string): Buffer => readFileSync(`${folder}/${name}`);
    const server = createSecureServer({ key: read('server.key'), cert: read('server.crt') }, (_, response) => {
      response.end();
    });
    const { port } = await listen(server);
    const { ok, status, reason } = await ask(`https://localhost:${port}/`);
    expect([ok, status]).toEqual([false, null]);
    expect(reason).toMatch(/^its certificate is not trusted/);
  });

  test('TLS that is none', async () => {
    const { url } = await serve((_, response) => response.end());
    expect((await ask(url.replace('http:', 'https:'))).reason).toMatch(/^no TLS with it/);
  });

  test.each(['not a url', 'ftp://127.0.0.1/'])('%s', async (url) => {
    expect(await ask(url)).toMatchObject({ ok: false, status: null, reason: expect.stringMatching(/^failed/) });
  });
});

test.each([
  ['ENOTFOUND', 'the host name is not known'],
  ['EAI_AGAIN', 'the host name could not be looked up'],
  ['EHOSTUNREACH', 'no way to the host'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another name'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'its certificate is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)'],
  ['ESOMETHING', 'failed (ESOMETHING)'],
  ['', 'failed'],
])('failure %s in words', (code, reason) => {
  expect(failureReason(Object.assign(new Error('x'), code ? { code } : {}))).toBe(reason);
});

test('no reason has a word that stops the Manager’s calls', () => {
  const codes = ['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'ERR_SOCKET_CONNECTION_TIMEOUT', 'EPIPE', 'ENETUNREACH'];
  for (const code of codes) {
    const reason = failureReason(Object.assign(new Error('connection timeout'), { code }));
    expect(reason).not.toMatch(/connection|timeout|deadline exceeded|unavailable|^failed/i);
  }
});
