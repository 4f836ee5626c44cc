/** The way to the Manager, with a real Manager's side of TLS and real proxies. */
import { writeFileSync } from 'node:fs';
import { createServer as createHttp2, createSecureServer } from 'node:http2';
import { createServer } from 'node:net';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { DaemonEnvironment } from '../../../../src/ctl/doctor/daemon-process.ts';
import type { Finding } from '../../../../src/ctl/doctor/finding.ts';
import { examineManagers, judgeClock } from '../../../../src/ctl/doctor/manager.ts';
import { createCertificates } from '../../../../src/demo/certificates.ts';
import { freePort } from '../../../support/free-port.ts';
import { type HttpProxyServer, httpProxy } from '../../../support/http-proxy.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { ExaminedHost, type Made, textsOf } from './examined-host.ts';

const DAY_MS = 86_400_000;

let host: ExaminedHost;

beforeEach(async () => {
  host = await ExaminedHost.make();
});

const of = (variables: NodeJS.ProcessEnv): DaemonEnvironment => ({ variables, of: 'daemon' });
const connected = { state: 'connected', reason: '' };

/** Answers as a server of gRPC does to a browser. */
async function manager(over: { ca?: string; date?: string | null } = {}): Promise<number> {
  const { cert, key } = await host.authority.issue({ name: 'manager', hosts: ['127.0.0.1'] });
  const tls = { requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' } as const;
  const server = createSecureServer({ cert, key, ca: over.ca ?? host.authority.cert, ...tls });
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    const { date } = over;
    if (date === null) stream.respond({ ':status': 415 }, { endStream: true, sendDate: false } as never);
    else stream.respond({ ':status': 415, ...(date === undefined ? {} : { date }) }, { endStream: true });
  });
  server.on('sessionError', () => {}).on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

const look = (port: number, made: Made = {}): Promise<Finding[]> =>
  examineManagers(host.config({ address: `127.0.0.1:${port}`, ...made }), connected, of({}));

test('reached with the certificate of this host, and its clock agrees', async () => {
  const port = await manager();
  const findings = await look(port);
  expect(host.outcomes(findings)).toEqual(['ok link', `ok 127.0.0.1:${port}`, `ok 127.0.0.1:${port}`]);
  expect(textsOf(findings)).toContain("TLS 1.3 with this host's certificate, it answers");
});

test('a clock that is off', async () => {
  const port = await manager({ date: new Date(Date.now() + 3_600_000).toUTCString() });
  expect((await look(port)).at(-1)).toMatchObject({
    check: 'clock',
    outcome: 'failed',
    found: expect.stringMatching(/is (59 min|1 h).* behind the Manager's$/),
  });
});

test('nobody listens', async () => {
  const port = await freePort();
  const findings = await look(port);
  expect(host.outcomes(findings)).toEqual(['ok link', `failed 127.0.0.1:${port}`, `unknown 127.0.0.1:${port}`]);
  expect(textsOf(findings)).toContain('ECONNREFUSED');
});

test('it does not take the certificate of this host', async () => {
  const other = await createCertificates(await testFolder('doctor-other'));
  const findings = await look(await manager({ ca: other.cert }));
  expect(findings[1]).toMatchObject({
    outcome: 'failed',
    found: expect.stringContaining('closed the connection right after the TLS handshake'),
    advice: expect.stringContaining('certificate'),
  });
});

test('its certificate is of another CA', async () => {
  const port = await manager();
  const other = await createCertificates(await testFolder('doctor-other'));
  writeFileSync(host.path('ca.crt'), other.cert);
  expect((await look(port))[1]).toMatchObject({ outcome: 'failed', found: expect.stringContaining('no TLS') });
});

test('what listens does not speak TLS', async () => {
  const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  expect((await look(port))[1]).toMatchObject({ outcome: 'failed', found: expect.stringContaining('no TLS') });
});

test('without TLS', async () => {
  const server = createHttp2();
  server.on('stream', (stream) => stream.respond({ ':status': 415 }, { endStream: true }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  expect(host.outcomes(await look(port, { tls: 'off' })).slice(1)).toEqual([
    `ok 127.0.0.1:${port}`,
    `ok 127.0.0.1:${port}`,
  ]);
});

test('what listens wants TLS where there is to be none', async () => {
  const port = await manager();
  expect((await look(port, { tls: 'off' }))[1]).toMatchObject({
    outcome: 'failed',
    advice: expect.stringContaining('manager.tls'),
  });
});

describe('through a proxy', () => {
  const looked = async (proxy: string, env: DaemonEnvironment | null = of({})): Promise<Finding[]> => {
    const address = `127.0.0.1:${await manager()}`;
    const findings = await examineManagers(host.config({ address, proxy }), connected, env);
    return findings.filter(({ subject }) => subject !== 'link');
  };
  const proxyWith = async (credentials = ''): Promise<HttpProxyServer> => {
    const proxy = await httpProxy(credentials);
    onTestFinished(() => proxy.close());
    return proxy;
  };

  test('the Manager is reached, and its clock seen', async () => {
    const { port, asked } = await proxyWith('me:hunter2');
    const findings = await looked(`http://me:hunter2@127.0.0.1:${port}`);
    expect(findings.map(({ check, outcome }) => [check, outcome])).toEqual([
      ['manager', 'ok'],
      ['clock', 'ok'],
    ]);
    expect(findings[0]?.found).toBe(
      `the proxy 127.0.0.1:${port} connects, TLS 1.3 with this host's certificate, it answers`,
    );
    expect(asked).toEqual([expect.stringMatching(/^CONNECT 127\.0\.0\.1:\d+ HTTP\/1\.1$/)]);
  });

  test('that wants other credentials', async () => {
    const { port } = await proxyWith('me:hunter2');
    const [found] = await looked(`http://me:hunter3@127.0.0.1:${port}`);
    expect(found).toMatchObject({
      outcome: 'failed',
      found: expect.stringContaining(`the proxy 127.0.0.1:${port} lets nothing through: it wants other credentials`),
      advice: expect.stringContaining('USER:PASSWORD@'),
    });
    expect(JSON.stringify(found)).not.toContain('hunter');
  });

  test('that is not there', async () => {
    const port = await freePort();
    const [found] = await looked(`http://127.0.0.1:${port}`);
    expect(found).toMatchObject({
      outcome: 'failed',
      found: expect.stringMatching(`^no TCP connection to the proxy 127.0.0.1:${port}: .*ECONNREFUSED`),
      advice: expect.stringMatching(/^no proxy listens there.*manager\.proxy/),
    });
    expect(found?.advice).not.toContain('the Manager');
  });

  test('that cannot reach the Manager', async () => {
    const { port } = await proxyWith();
    const proxy = `http://127.0.0.1:${port}`;
    const [, found] = await examineManagers(
      host.config({ address: `127.0.0.1:${await freePort()}`, proxy }),
      connected,
      null,
    );
    expect(found).toMatchObject({
      outcome: 'failed',
      found: expect.stringContaining('HTTP/1.1 502'),
      advice: expect.stringMatching(/^the proxy cannot reach the Manager/),
    });
  });

  test('of the environment: not to this host itself', async () => {
    const { port, asked } = await proxyWith();
    const findings = await looked('', of({ HTTPS_PROXY: `http://127.0.0.1:${port}` }));
    expect([findings[0]?.outcome, asked]).toEqual(['ok', []]);
  });

  test('of the environment, which cannot be used', async () => {
    const environment = of({ HTTPS_PROXY: 'https://proxy:1' });
    const findings = await examineManagers(host.config({ address: 'm.example:9090' }), null, environment);
    expect(host.outcomes(findings)).toEqual(['failed manager.proxy']);
    expect(textsOf(findings)).toContain('only http:// is supported');
  });
});

describe('where the environment of the daemon is not known', () => {
  /** This host by an address that is no loopback address, so that a proxy could be on the way. */
  let address: string;
  beforeEach(async () => {
    address = `0.0.0.0:${await freePort()}`;
  });

  test('what fails without a proxy is unknown', async () => {
    const findings = await examineManagers(host.config({ address }), connected, null);
    expect(host.outcomes(findings)).toEqual(['ok link', `unknown ${address}`, `unknown ${address}`]);
    expect(findings[1]).toMatchObject({
      found: expect.stringContaining('the daemon may go through one'),
      advice: 'run doctor as root',
    });
  });

  test('what fails, fails where no proxy can be on the way: to this host itself, by the configuration', async () => {
    const own = host.config({ address: address.replace('0.0.0.0', '127.0.0.1') });
    for (const config of [own, host.config({ address, proxy: 'none' })]) {
      expect((await examineManagers(config, connected, null))[1]).toMatchObject({
        check: 'manager',
        outcome: 'failed',
      });
    }
  });

  test('that of this program is taken where no daemon runs, and it is told', async () => {
    const port = await freePort();
    const environment = { variables: { https_proxy: `http://127.0.0.1:${port}` }, of: 'own' } as const;
    const findings = await examineManagers(host.config({ address }), null, environment);
    expect(host.outcomes(findings).slice(0, 2)).toEqual(['unknown manager.proxy', `failed ${address}`]);
    expect(findings[0]?.found).toContain(`127.0.0.1:${port} is that of this program's own environment`);
    const named = await examineManagers(host.config({ address, proxy: `http://127.0.0.1:${port}` }), null, environment);
    expect(host.outcomes(named)[0]).toBe(`failed ${address}`);
  });
});

test('a link that is down is a failure', async () => {
  const link = { state: 'backing-off', reason: 'nobody there' };
  const [first] = await examineManagers(host.config(), link, of({}));
  expect(first).toMatchObject({ outcome: 'failed', found: 'the daemon is backing-off: nobody there' });
});

const probed = {
  ...{ proxy: '', tcpError: null, tunnelError: null, tlsError: null, answerError: null },
  ...{ validity: null, clock: null },
};
test.each([
  [{ ...probed, clock: { serverMs: 1000, hereMs: 1400 } }, 'ok', 'agrees'],
  [{ ...probed, clock: { serverMs: 0, hereMs: 60_500 } }, 'warning', '1 min ahead of'],
  [{ ...probed, clock: { serverMs: 600_000, hereMs: 500 } }, 'failed', '10 min behind'],
  [
    { ...probed, tlsError: Object.assign(new Error('x'), { code: 'CERT_NOT_YET_VALID' }) },
    'failed',
    'not valid by this',
  ],
  [
    { ...probed, validity: { notBeforeMs: 0, notAfterMs: DAY_MS } },
    'unknown',
    'between 1970-01-01T00:00:00Z and 1970-01-02',
  ],
  [probed, 'unknown', 'nothing of the Manager'],
])('the clock: %j', (found, outcome, says) => {
  expect(judgeClock('m:1', found)).toEqual([
    expect.objectContaining({ outcome, found: expect.stringContaining(says) }),
  ]);
});
