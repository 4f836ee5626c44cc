import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { DownloadInput, TaskProgress } from '../../../../src/shared/contracts/pool-tasks.ts';
import { describe as inWords } from '../../../../src/shared/errors/daemon-error.ts';
import { type Clock, systemClock } from '../../../../src/shared/platform/clock.ts';
import { downloadPackage } from '../../../../src/workers/update/download.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';
import { failureOf, type Handler, inputFor, NO_CONTEXT, plainHost, rawHost, type TestHost } from './download-host.ts';

const CONTENT = randomBytes(300_000);
const HALF = CONTENT.length / 2;
const ETAG = '"v1"';

let folder: string;
let to: string;

beforeEach(async () => {
  folder = await testFolder('download');
  to = join(folder, 'package');
});

const whole: Handler = (_, response) => response.writeHead(200, { 'content-length': CONTENT.length }).end(CONTENT);

/** The content without its length. */
const unmeasured: Handler = (_, response) => {
  response.write(CONTENT);
  response.end();
};

const endless: Handler = (_, response) => {
  const more = (): void => {
    while (!response.destroyed && response.write(CONTENT));
  };
  response.on('drain', more);
  more();
};

/** Writes, and ends the connection once the part has so many bytes: what was not read by then would be lost. */
function endAt(bytes: number, response: ServerResponse, chunk: Buffer): void {
  response.write(chunk);
  const arrived = (): boolean => statSync(to).size === bytes;
  void waitFor(arrived, { what: `${bytes} bytes in the part`, everyMs: 2 }).finally(() => response.destroy());
}

/** Some bytes of a longer answer, then the end of the connection. */
function breakOff(response: ServerResponse, part: Buffer, headers: OutgoingHttpHeaders): void {
  endAt(part.length, response.writeHead(200, headers), part);
}

/** The rest of the content, as it was asked for. */
function rest(response: ServerResponse, range = '', headers: OutgoingHttpHeaders = {}): void {
  const from = Number(/^bytes=(\d+)-$/.exec(range)?.[1]);
  const contentRange = `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}`;
  response.writeHead(206, { 'content-range': contentRange, etag: ETAG, ...headers }).end(CONTENT.subarray(from));
}

async function fetched(host: TestHost, over: Partial<DownloadInput> = {}): Promise<number> {
  const { bytes, retries } = await downloadPackage(inputFor(host, to, over), NO_CONTEXT, { random: () => 0 });
  expect(readFileSync(to).equals(CONTENT)).toBe(true);
  expect(bytes).toBe(CONTENT.length);
  await host.expectNoConnection();
  return retries;
}

/** The failure, after which nothing may be left: no file, no connection. */
async function failed(host: TestHost, over: Partial<DownloadInput> = {}) {
  const error = await failureOf(inputFor(host, to, over), { random: () => 0 });
  expect(readdirSync(folder)).toEqual([]);
  await host.expectNoConnection();
  const { code, message, retryable } = error;
  return { code, message, retryable, words: inWords(error) };
}

describe('a download that goes well', () => {
  test('is whole, for its owner only, and tells how far it is', async () => {
    const host = await plainHost(whole);
    const told: TaskProgress[] = [];
    const output = await downloadPackage(inputFor(host, to), { progress: (now) => told.push(now) });
    expect(output).toEqual({ bytes: CONTENT.length, retries: 0 });
    expect(readFileSync(to).equals(CONTENT)).toBe(true);
    expect(statSync(to).mode & 0o777).toBe(0o600);
    expect(told.at(-1)).toEqual({ done: CONTENT.length, total: CONTENT.length });
    expect(told.map(({ done }) => done)).toEqual(told.map(({ done }) => done).sort((a, b) => a - b));
    expect(host.asked).toHaveLength(1);
    expect(host.asked[0]?.headers).toMatchObject({ 'accept-encoding': 'identity', connection: 'close' });
    expect(host.asked[0]?.headers.authorization).toBeUndefined();
    await host.expectNoConnection();
  });

  const inChunks = () => plainHost(unmeasured);
  const untilTheEnd = () =>
    rawHost((socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
        socket.end(CONTENT);
      }),
    );

  test.each([
    ['in chunks', inChunks],
    ['until the connection ends', untilTheEnd],
  ])('without a length: %s', async (_, start) => {
    const host = await start();
    const told: TaskProgress[] = [];
    await downloadPackage(inputFor(host, to), { progress: (now) => told.push(now) });
    expect(readFileSync(to).equals(CONTENT)).toBe(true);
    expect(told.at(-1)).toEqual({ done: CONTENT.length, total: null });
    expect(await fetched(host, { expectedBytes: CONTENT.length })).toBe(0);
  });

  test('what an earlier attempt left is not gone on with, and a link there is not followed', async () => {
    const host = await plainHost(whole);
    writeFileSync(to, Buffer.alloc(1000));
    await fetched(host);
    const elsewhere = join(folder, 'elsewhere');
    writeFileSync(elsewhere, 'kept');
    symlinkSync(elsewhere, join(folder, 'link'));
    await downloadPackage(inputFor(host, join(folder, 'link')), NO_CONTEXT);
    expect(readFileSync(elsewhere, 'utf8')).toBe('kept');
  });

  test('goes through five redirects, relative ones too, with its credentials', async () => {
    const statuses = [301, 302, 303, 307, 308];
    const host = await plainHost((request, response, nth) => {
      const status = statuses[nth];
      if (status === undefined) return whole(request, response, nth);
      response.writeHead(status, { location: `hop-${nth}?x=1` }).end('a page');
    });
    await fetched(host, { url: host.url('/dir/a').replace('//', '//user:secret@') });
    expect(host.asked.map(({ path }) => path)).toEqual(['/dir/a', ...statuses.map((__, n) => `/dir/hop-${n}?x=1`)]);
    const basic = `Basic ${Buffer.from('user:secret').toString('base64')}`;
    expect(host.asked.map(({ headers }) => headers.authorization)).toEqual(Array(6).fill(basic));
  });

  test('credentials stay with their host', async () => {
    const second = await plainHost(whole);
    const first = await plainHost((_, response) => response.writeHead(302, { location: second.url() }).end());
    await fetched(first, { url: first.url().replace('//', '//user:secret@') });
    expect(first.asked[0]?.headers.authorization).toMatch(/^Basic /);
    expect(second.asked).toHaveLength(1);
    expect(second.asked[0]?.headers.authorization).toBeUndefined();
    expect(JSON.stringify(second.asked)).not.toMatch(/secret|dXNlcjpzZWNyZXQ/);
    await second.expectNoConnection();
  });

  test('its rate is limited, and that is not taken for slowness', async () => {
    const host = await plainHost(whole);
    const startedMs = performance.now();
    const over = { rateLimit: 2 * CONTENT.length, minBytesPerSecond: 10 ** 9, speedWindowMs: 300 };
    expect(await fetched(host, over)).toBe(0);
    expect(performance.now() - startedMs).toBeGreaterThan(450);
  });
});

describe('where it comes from', () => {
  test.each([
    ['another host', 'https://elsewhere.example/a', 'add elsewhere.example to update.trusted_hosts'],
    ['plain http', 'http://elsewhere.example/a', 'only https:// is'],
    ['a file', 'file:///etc/passwd', 'only https:// is'],
  ])('a redirect to %s is refused', async (_, location, reason) => {
    const host = await plainHost((_request, response) => response.writeHead(302, { location }).end());
    const { code, message, words } = await failed(host);
    expect(code).toBe('D4002');
    expect(message).toMatch(/redirects to where no package is taken from \(check: source\)$/);
    expect(words).toContain(reason);
    expect(host.asked).toHaveLength(1);
  });

  test('plain http on loopback is not asked unless that is allowed', async () => {
    const host = await plainHost(whole);
    const { code, message } = await failed(host, { allowHttpLoopback: false });
    expect(code).toBe('D4002');
    expect(message).toMatch(/needs update\.allow_http_loopback \(check: source\)$/);
    expect(host.asked).toEqual([]);
  });

  test.each([
    ['nowhere', undefined, 'where to is missing'],
    ['something malformed', 'https://[', 'where to is malformed'],
  ])('a redirect to %s', async (_, location, reason) => {
    const headers = location === undefined ? {} : { location };
    const host = await plainHost((_request, response) => response.writeHead(302, headers).end());
    const { code, message } = await failed(host);
    expect(code).toBe('D4001');
    expect(message).toContain(reason);
    expect(host.asked).toHaveLength(1);
  });

  test('a loop of redirects ends', async () => {
    const host = await plainHost((_, response) => response.writeHead(302, { location: '/again?token=t0k3n' }).end());
    const { code, message } = await failed(host);
    expect(code).toBe('D4001');
    expect(message).toMatch(/\/again: more than 5 redirects$/);
    expect(host.asked).toHaveLength(6);
  });
});

describe('its size', () => {
  test.each([
    ['a length over the limit', { maxBytes: CONTENT.length - 1 }, /has 300000 bytes, update.max_size allows 299999/],
    ['more than was expected', { expectedBytes: 299_999 }, /has 300000 bytes, its manifest says 299999/],
    ['less than was expected', { expectedBytes: 300_001 }, /has 300000 bytes, its manifest says 300001/],
  ])('%s is refused by its head', async (_, over, reason) => {
    const host = await plainHost((_request, response) => {
      response.writeHead(200, { 'content-length': CONTENT.length }).flushHeaders(); // and no body ever
    });
    const { code, message } = await failed(host, over);
    expect(code).toBe('D4002');
    expect(message).toMatch(reason);
    expect(message).toMatch(/\(check: size\)$/);
    expect(host.asked).toHaveLength(1);
  });

  test('what was expected over the limit is not even asked for', async () => {
    const host = await plainHost(whole);
    const { code, message } = await failed(host, { maxBytes: 10, expectedBytes: 11 });
    expect(code).toBe('D4002');
    expect(message).toMatch(/has 11 bytes, update.max_size allows 10 \(check: size\)$/);
    expect(host.asked).toEqual([]);
  });

  test.each([
    ['the limit', { maxBytes: 500_000 }, /update.max_size allows 500000 bytes \(check: size\)$/],
    ['what was expected', { expectedBytes: 400_000 }, /its manifest says 400000 bytes \(check: size\)$/],
  ])('an answer that does not end is cut off at %s', async (_, over, reason) => {
    const host = await plainHost(endless);
    const { code, message } = await failed(host, over);
    expect(code).toBe('D4002');
    expect(message).toMatch(reason);
    expect(host.asked).toHaveLength(1);
  });

  test('an answer without a length that ends too early is refused', async () => {
    const host = await plainHost(unmeasured);
    const { code, message } = await failed(host, { expectedBytes: CONTENT.length + 1 });
    expect(code).toBe('D4002');
    expect(message).toMatch(/has 300000 bytes, its manifest says 300001 \(check: size\)$/);
  });

  test('no more is read than the length says', async () => {
    const host = await rawHost((socket) =>
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${CONTENT.length}\r\n\r\n`);
        socket.end(Buffer.concat([CONTENT, CONTENT]));
      }),
    );
    expect(await fetched(host)).toBe(0);
  });

  test('a length that is never reached: broken off, tried again, given up', async () => {
    const host = await plainHost((_, response) => breakOff(response, CONTENT, { 'content-length': 400_000 }));
    const { code, message, words, retryable } = await failed(host);
    expect(code).toBe('D4001');
    expect(retryable).toBe(true);
    expect(message).toMatch(/given up at attempt 4: .*: the connection broke off$/);
    expect(words).not.toBe(message); // the system's own error is in the chain
    expect(host.asked).toHaveLength(4);
  });

  test.each([
    ['with a length', { 'content-length': 0 }],
    ['without', { 'transfer-encoding': 'chunked' }],
  ])('an empty answer %s is none', async (_, headers) => {
    const host = await plainHost((_request, response) => response.writeHead(200, headers).end());
    const { code, message } = await failed(host);
    expect(code).toBe('D4001');
    expect(message).toMatch(/: it is empty$/);
    expect(host.asked).toHaveLength(1);
  });

  test('no room for what was announced, or for what is expected', async () => {
    const host = await plainHost(whole);
    const room = { reserveBytes: 2 ** 60 };
    const { code, message } = await failed(host, room);
    expect(code).toBe('D4003');
    expect(message).toContain(`${folder} has no room for the package`);
    expect(host.asked).toHaveLength(1);
    expect((await failed(host, { ...room, expectedBytes: CONTENT.length })).code).toBe('D4003');
    expect(host.asked).toHaveLength(1);
  });
});

describe('an answer that is none', () => {
  test.each([404, 401, 403, 410, 204, 304, 416])('status %i ends it at once', async (status) => {
    const host = await plainHost((_, response) => response.writeHead(status).end());
    const { code, message, retryable } = await failed(host);
    expect(code).toBe('D4001');
    expect(retryable).toBe(false);
    expect(message).toMatch(new RegExp(`: it answers with status ${status}$`));
    expect(host.asked).toHaveLength(1);
  });

  test.each([
    ['gzip', { 'content-encoding': 'gzip' }],
    ['a transfer coding', { 'transfer-encoding': 'gzip, chunked' }],
  ])('an encoded one (%s) is refused', async (_, headers) => {
    const host = await plainHost((_request, response) => response.writeHead(200, headers).end(CONTENT));
    const { code, message } = await failed(host);
    expect(code).toBe('D4001');
    expect(message).toMatch(/: its answer is encoded, though that was not asked for$/);
    expect(host.asked).toHaveLength(1);
  });

  test('a part that nobody asked for is refused', async () => {
    const host = await plainHost((_, response) => rest(response, 'bytes=0-'));
    const { code, message } = await failed(host);
    expect(code).toBe('D4001');
    expect(message).toMatch(/: it answers with a part, though the whole was asked for$/);
  });

  test.each([
    ['not HTTP', 'SSH-2.0-OpenSSH_9.6\r\n', 'its answer is not HTTP'],
    ['headers without end', `HTTP/1.1 200 OK\r\n${'X-Header: value\r\n'.repeat(5000)}`, 'its headers do not end'],
  ])('%s', async (_, answer, reason) => {
    const host = await rawHost((socket) => socket.once('data', () => socket.write(answer)));
    const { code, message, words } = await failed(host);
    expect(code).toBe('D4001');
    expect(message).toContain(reason);
    expect(words).toMatch(/Parse Error/);
  });

  test.each([
    ['reset', (socket: Socket) => socket.resetAndDestroy(), 'ended without an answer'],
    ['closed', (socket: Socket) => socket.end(), 'ended without an answer'],
  ])('a connection that is %s is tried again', async (_, act, reason) => {
    let connections = 0;
    const host = await rawHost((socket) => {
      connections++;
      socket.once('data', () => act(socket));
    });
    const { code, message, retryable } = await failed(host);
    expect(code).toBe('D4001');
    expect(retryable).toBe(true);
    expect(message).toContain(reason);
    expect(connections).toBe(4);
  });

  test('nobody listens', async () => {
    const host = await rawHost(() => {});
    const gone = await rawHost(() => {});
    const port = gone.port;
    const url = `http://127.0.0.1:${port}/a`;
    await new Promise<void>((resolve) => gone.close(resolve));
    const { code, message, words } = await failed(host, { url });
    expect(code).toBe('D4001');
    expect(message).toMatch(/given up at attempt 4: .*: nothing listens there$/);
    expect(words).toContain('ECONNREFUSED');
  });
});

describe('time', () => {
  test.each([
    ['no answer', () => {}],
    [
      'an answer whose headers drip',
      (socket: Socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const drip = setInterval(() => socket.write('X: y\r\n'), 5);
        socket.on('close', () => clearInterval(drip));
      },
    ],
    [
      'interim answers without end',
      (socket: Socket) => {
        const drip = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 5);
        socket.on('close', () => clearInterval(drip));
      },
    ],
  ])('%s is waited for as long as the window', async (_, act) => {
    let connections = 0;
    const host = await rawHost((socket) => {
      connections++;
      socket.once('data', () => act(socket));
    });
    const { code, message } = await failed(host, {
      speedWindowMs: 150,
      minBytesPerSecond: 1,
      retries: { max: 1, baseMs: 1, maxMs: 2 },
    });
    expect(code).toBe('D4001');
    expect(message).toMatch(/given up at attempt 2: .*: no answer within 0.15 s$/);
    expect(connections).toBe(2);
  });

  test('a slow drip is given up, with both figures', async () => {
    const host = await plainHost((_, response) => {
      response.writeHead(200, { 'content-length': CONTENT.length });
      const drip = setInterval(() => response.write('x'), 10);
      response.on('close', () => clearInterval(drip));
    });
    const { code, message } = await failed(host, {
      speedWindowMs: 500,
      minBytesPerSecond: 1000,
      retries: { max: 1, baseMs: 1, maxMs: 2 },
    });
    expect(code).toBe('D4001');
    expect(message).toMatch(/attempt 2: .*: too slow: \d{1,3} bytes a second over 0.5 s, at least 1000 are wanted$/);
    expect(host.asked).toHaveLength(2);
  });

  test.each([
    ['while it waits to try again', { retries: { max: 1000, baseMs: 60_000, maxMs: 60_000 } }],
    ['while it tries', { retries: { max: 1_000_000, baseMs: 1, maxMs: 1 } }],
  ])('the time for everything ends it %s, and says what it was at', async (_, over) => {
    const host = await plainHost((_request, response) => response.writeHead(503).end());
    const { code, message, words } = await failed(host, { timeoutMs: 800, ...over });
    expect(code).toBe('D4001');
    expect(message).toMatch(/: not done within 0.8 s$/);
    expect(words).toMatch(/it answers with status 503$/);
  });

  test.each([
    ['in the middle of a body', CONTENT],
    ['before the first byte of it', Buffer.alloc(0)],
  ])('the time for everything ends it %s', async (_, first) => {
    const host = await plainHost((_request, response) => {
      response.writeHead(200, { 'content-length': 2 * CONTENT.length }).flushHeaders();
      response.write(first);
    });
    const { code, message, retryable } = await failed(host, { timeoutMs: 800 });
    expect(code).toBe('D4001');
    expect(retryable).toBe(true);
    expect(message).toMatch(/: not done within 0.8 s$/);
    expect(host.asked).toHaveLength(1);
  });

  test('the time for everything ends it while it is held back by its own rate', async () => {
    const host = await plainHost(whole);
    const { message } = await failed(host, { timeoutMs: 800, rateLimit: 1000 });
    expect(message).toMatch(/: not done within 0.8 s$/);
  });
});

describe('another attempt', () => {
  /** A clock that tells which waits it was asked for, and shortens the long ones. */
  function recording(): { waits: number[]; clock: Clock } {
    const waits: number[] = [];
    const after: Clock['after'] = (ms, callback) => {
      if (ms < 20_000) waits.push(ms);
      return systemClock.after(ms < 20_000 ? 1 : ms, callback);
    };
    return { waits, clock: { ...systemClock, after } };
  }

  test.each([408, 425, 429, 500, 502, 503, 504])('after status %i', async (status) => {
    const host = await plainHost((request, response, nth) => {
      if (nth === 0) response.writeHead(status).end('a page');
      else whole(request, response, nth);
    });
    expect(await fetched(host)).toBe(1);
  });

  test.each([
    ['7', 7000],
    ['86400', 10_000],
    ['Wed, 21 Oct 2026 07:28:00 GMT', 100],
    ['0', 100],
  ])('Retry-After: %s', async (retryAfter, waitMs) => {
    const host = await plainHost((request, response, nth) => {
      if (nth === 0) response.writeHead(503, { 'retry-after': retryAfter }).end();
      else whole(request, response, nth);
    });
    const { waits, clock } = recording();
    const input = inputFor(host, to, { retries: { max: 1, baseMs: 100, maxMs: 10_000 } });
    expect((await downloadPackage(input, NO_CONTEXT, { clock, random: () => 0 })).retries).toBe(1);
    expect(waits).toEqual([waitMs]);
  });

  test('waits longer each time, up to a bound', async () => {
    const host = await plainHost((_, response) => response.writeHead(503).end());
    const { waits, clock } = recording();
    const input = inputFor(host, to, { retries: { max: 4, baseMs: 100, maxMs: 1000 } });
    const error = await failureOf(input, { clock, random: () => 1 });
    expect(error.message).toMatch(/given up at attempt 5: .*status 503$/);
    expect(waits).toEqual([200, 400, 800, 1000]);
    expect(host.asked).toHaveLength(5);
  });

  test('goes on where it broke off, again and again', async () => {
    const host = await plainHost((request, response, nth) => {
      const { range } = request.headers;
      const headers = { 'content-length': CONTENT.length, etag: ETAG };
      if (nth === 0) return breakOff(response, CONTENT.subarray(0, 100_000), headers);
      if (nth > 1) return rest(response, range);
      const contentRange = `bytes 100000-${CONTENT.length - 1}/${CONTENT.length}`;
      response.writeHead(206, { 'content-range': contentRange, 'content-length': 200_000 });
      endAt(200_000, response, CONTENT.subarray(100_000, 200_000));
    });
    expect(await fetched(host)).toBe(2);
    const ranges = host.asked.map(({ headers }) => [headers.range, headers['if-range']]);
    expect(ranges).toEqual([
      [undefined, undefined],
      ['bytes=100000-', ETAG],
      ['bytes=200000-', ETAG],
    ]);
  });

  test('asks on where it was given less than the rest', async () => {
    const host = await plainHost((request, response, nth) => {
      if (nth === 0) return breakOff(response, CONTENT.subarray(0, HALF), { etag: ETAG, 'content-length': 300_000 });
      if (nth === 2) return rest(response, request.headers.range);
      response.writeHead(206, { 'content-range': 'bytes 150000-199999/300000' }).end(CONTENT.subarray(HALF, 200_000));
    });
    expect(await fetched(host)).toBe(2);
    expect(host.asked[2]?.headers.range).toBe('bytes=200000-');
  });

  test.each([
    ['the package has changed', { etag: '"v2"' }],
    ['the host knows no ranges', { etag: ETAG }],
  ])('starts anew where the answer is a whole one: %s', async (_, headers) => {
    const host = await plainHost((_request, response, nth) => {
      if (nth === 0)
        return breakOff(response, Buffer.alloc(HALF), { ...headers, etag: ETAG, 'content-length': 300_000 });
      response.writeHead(200, headers).end(CONTENT);
    });
    expect(await fetched(host)).toBe(1);
    expect(host.asked[1]?.headers.range).toBe(`bytes=${HALF}-`);
  });

  test.each([
    ['another start', { 'content-range': 'bytes 0-299999/300000' }],
    ['another size', { 'content-range': `bytes ${HALF}-399999/400000` }],
    ['no size', { 'content-range': `bytes ${HALF}-299999/*` }],
    ['more than there is', { 'content-range': `bytes ${HALF}-300000/300000` }],
    ['no range', {}],
    ['another version', { 'content-range': `bytes ${HALF}-299999/300000`, etag: '"v2"' }],
  ])('starts anew where the part has %s', async (_, headers) => {
    const host = await plainHost((request, response, nth) => {
      if (nth === 0) return breakOff(response, Buffer.alloc(HALF), { etag: ETAG, 'content-length': 300_000 });
      if (nth === 1) return response.writeHead(206, headers).end(CONTENT.subarray(HALF));
      return whole(request, response, nth);
    });
    expect(await fetched(host)).toBe(2);
    expect(host.asked.map(({ headers: { range } }) => range)).toEqual([undefined, `bytes=${HALF}-`, undefined]);
  });

  test('starts anew where more comes than the part was to have', async () => {
    const host = await plainHost((request, response, nth) => {
      if (nth === 0) return breakOff(response, Buffer.alloc(HALF), { etag: ETAG });
      if (nth > 1) return whole(request, response, nth);
      response.writeHead(206, { 'content-range': `bytes ${HALF}-199999/200000` }).end(CONTENT.subarray(HALF));
    });
    expect(await fetched(host)).toBe(2);
    expect(host.asked.map(({ headers: { range } }) => range)).toEqual([undefined, `bytes=${HALF}-`, undefined]);
  });

  test('a host that has nothing for the range is asked for the whole', async () => {
    const host = await plainHost((request, response, nth) => {
      if (nth === 0) return breakOff(response, Buffer.alloc(HALF), { etag: ETAG, 'content-length': 300_000 });
      if (nth === 1) return response.writeHead(416).end();
      return whole(request, response, nth);
    });
    expect(await fetched(host)).toBe(2);
    expect(host.asked[2]?.headers.range).toBeUndefined();
  });

  test.each([
    ['a weak one', { etag: 'W/"v1"' }],
    ['none', {}],
    ['one that cannot be sent back', { etag: '"v\u00e9"' }],
  ])('starts anew without a strong ETag: %s', async (_, headers) => {
    const host = await plainHost((request, response, nth) => {
      if (nth > 0) return whole(request, response, nth);
      return breakOff(response, Buffer.alloc(HALF), { ...headers, 'content-length': 300_000 });
    });
    expect(await fetched(host)).toBe(1);
    expect(host.asked[1]?.headers.range).toBeUndefined();
  });

  test('a part of one host is not gone on with from another', async () => {
    const [a, b] = [await plainHost(breaks), await plainHost(whole)];
    function breaks(_: unknown, response: ServerResponse): void {
      breakOff(response, Buffer.alloc(HALF), { etag: ETAG, 'content-length': 300_000 });
    }
    const host = await plainHost((_, response, nth) => {
      response.writeHead(302, { location: (nth === 0 ? a : b).url() }).end();
    });
    expect(await fetched(host)).toBe(1);
    expect(b.asked[0]?.headers.range).toBeUndefined();
  });

  test('a busy host in between does not cost the part', async () => {
    const host = await plainHost((request, response, nth) => {
      if (nth === 0) return breakOff(response, CONTENT.subarray(0, HALF), { etag: ETAG, 'content-length': 300_000 });
      if (nth === 1) return response.writeHead(503).end();
      return rest(response, request.headers.range);
    });
    expect(await fetched(host)).toBe(2);
  });

  test('progress does not buy further attempts', async () => {
    const host = await plainHost((request, response, nth) => {
      const from = nth * 1000;
      const headers = { etag: ETAG, 'content-length': CONTENT.length - from };
      const range = `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}`;
      response.writeHead(request.headers.range ? 206 : 200, { ...headers, 'content-range': range });
      endAt(from + 1000, response, CONTENT.subarray(from, from + 1000));
    });
    const { message } = await failed(host);
    expect(message).toMatch(/given up at attempt 4/);
    expect(host.asked.map(({ headers: { range } }) => range)).toEqual([
      undefined,
      'bytes=1000-',
      'bytes=2000-',
      'bytes=3000-',
    ]);
  });
});

describe('the disk', () => {
  test('a folder that is not there', async () => {
    const host = await plainHost(whole);
    const { code, message, cause } = await failureOf(inputFor(host, join(folder, 'no-such-folder', 'package')));
    expect(code).toBe('D4003');
    expect(message).toContain('no-such-folder/package cannot be created');
    expect(cause).toMatchObject({ code: 'ENOENT' });
    expect(host.asked).toEqual([]);
  });

  test('a folder in its place', async () => {
    const host = await plainHost(whole);
    mkdirSync(to);
    const { code, cause } = await failureOf(inputFor(host, to));
    expect(code).toBe('D4003');
    expect(cause).toBeDefined();
    expect(readdirSync(folder)).toEqual(['package']);
  });
});
