/** `daemonctl doctor`: each examination with real files, sockets and a real Manager's side of TLS. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp2, createSecureServer } from 'node:http2';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { examineAgents } from '../../../../src/ctl/doctor/agents.ts';
import { examineCertificates } from '../../../../src/ctl/doctor/certificates.ts';
import { examine } from '../../../../src/ctl/doctor/examine.ts';
import type { Finding } from '../../../../src/ctl/doctor/finding.ts';
import { examineManagers, judgeClock } from '../../../../src/ctl/doctor/manager.ts';
import { examinePermissions } from '../../../../src/ctl/doctor/permissions.ts';
import {
  daemonEnvironment,
  daemonProcess,
  examinePrivileges,
  examineSystemd,
} from '../../../../src/ctl/doctor/privileges.ts';
import { summary } from '../../../../src/ctl/doctor/render.ts';
import { examineSockets } from '../../../../src/ctl/doctor/sockets.ts';
import { examineSpace } from '../../../../src/ctl/doctor/space.ts';
import { type Authority, createCertificates } from '../../../../src/demo/certificates.ts';
import { checkHost, parseConfig } from '../../../../src/shared/config/load.ts';
import type { Config } from '../../../../src/shared/config/schema.ts';
import { freePort } from '../../../support/free-port.ts';
import { type HttpProxyServer, httpProxy } from '../../../support/http-proxy.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { FakeDaemon } from '../fake-daemon.ts';
import { hostHandlers, statusView } from '../host-views.ts';
import { socketIn } from '../run.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.now();

let folder: string;
let authority: Authority;

beforeEach(async () => {
  folder = await testFolder('doctor');
  mkdirSync(join(folder, 'work'));
  authority = await createCertificates(folder);
});

interface Made {
  address?: string;
  proxy?: string;
  tls?: string;
  more?: string;
  ports?: string;
}

function textOf({ address = '127.0.0.1:1', proxy = '', tls, more = '', ports = 'grpc_port: 0' }: Made = {}): string {
  const files = `{cert_file: ${folder}/client.crt, key_file: ${folder}/client.key, ca_file: ${folder}/ca.crt}`;
  return `daemon:
  work_dir: ${folder}/work
  log_file: ${folder}/daemon.log
  audit_log_file: '-'
  pid_file: ${folder}/daemon.pid
  ${ports}
manager:
  address: ${address}
  proxy: '${proxy}'
  tls: ${tls ?? files}
update: {download_dir: ${folder}/work/downloads, backup_dir: ${folder}/work/backups}
${more}`;
}

function configOf(made: Made = {}): Config {
  const { config, diagnostics } = parseConfig(textOf(made), 'daemon.yaml');
  if (!config) throw new Error(JSON.stringify(diagnostics));
  return config;
}

/** `outcome subject`, the folder left out. */
const outcomes = (findings: readonly Finding[]): string[] =>
  findings.map(({ outcome, subject }) => `${outcome} ${subject.replace(`${folder}/`, '')}`);
const foundOf = (findings: readonly Finding[]): string =>
  findings.map(({ found, advice }) => `${found} -> ${advice}`).join('\n');

describe('certificates', () => {
  test('all is well', async () => {
    const findings = await examineCertificates(configOf(), NOW_MS);
    expect(outcomes(findings)).toEqual(['ok client.crt', 'ok ca.crt', 'ok client.key', 'ok ca.crt']);
    expect(findings[0]?.found).toMatch(/CN=.*, (89|90) days left/);
  });

  test.each([
    [70, 'warning', 'expires in '],
    [100, 'failed', 'expired at'],
    [-1, 'failed', 'is valid from'],
  ])('after %i days: %s', async (days, outcome, says) => {
    const [own] = await examineCertificates(configOf(), NOW_MS + days * DAY_MS);
    expect(own).toMatchObject({ outcome, found: expect.stringContaining(says), advice: expect.stringMatching(/./) });
  });

  test('a key of another, a CA of another', async () => {
    const { key } = await authority.issue({ name: 'other' });
    writeFileSync(join(folder, 'client.key'), key);
    const other = await testFolder('doctor-other');
    writeFileSync(join(folder, 'ca.crt'), (await createCertificates(other)).cert);
    const findings = await examineCertificates(configOf(), NOW_MS);
    expect(outcomes(findings)).toEqual(['ok client.crt', 'ok ca.crt', 'failed client.key', 'warning ca.crt']);
  });

  test('files that are not there, or are something else', async () => {
    rmSync(join(folder, 'client.crt'));
    expect(foundOf(await examineCertificates(configOf(), NOW_MS))).toMatch(
      /cert_file: .*client\.crt cannot be read: ENOENT/,
    );
    writeFileSync(join(folder, 'client.crt'), 'nothing');
    expect(outcomes(await examineCertificates(configOf(), NOW_MS))).toEqual(['failed client.crt']);
    writeFileSync(join(folder, 'client.crt'), '-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----');
    expect(outcomes(await examineCertificates(configOf(), NOW_MS))).toEqual(['failed manager.tls']);
  });

  test('no TLS is a warning', async () => {
    expect(outcomes(await examineCertificates(configOf({ tls: 'off' }), NOW_MS))).toEqual(['warning manager.tls']);
  });
});

describe('permissions', () => {
  const file = (): string => join(folder, 'daemon.yaml');
  const look = (uid: number | null = null): string[] => outcomes(examinePermissions(configOf(), file(), uid));

  beforeEach(() => {
    writeFileSync(file(), 'x', { mode: 0o640 });
    chmodSync(join(folder, 'client.key'), 0o600);
    chmodSync(join(folder, 'work'), 0o750);
  });

  test('all is well', () => {
    expect(look()).toEqual(['ok daemon.yaml', 'ok client.key', 'ok work']);
  });

  test.each([
    ['daemon.yaml', 0o644, 'warning'],
    ['daemon.yaml', 0o646, 'failed'],
    ['client.key', 0o640, 'warning'],
    ['client.key', 0o644, 'failed'],
    ['client.key', 0o620, 'failed'],
    ['work', 0o777, 'failed'],
  ])('%s with mode %o: %s', (name, mode, outcome) => {
    chmodSync(join(folder, name), mode);
    expect(look()).toContain(`${outcome} ${name}`);
  });

  test('what is not there, what is no folder, whose it is', () => {
    rmSync(join(folder, 'work'), { recursive: true });
    expect(look()).toContain('failed work');
    writeFileSync(join(folder, 'work'), '');
    expect(look()).toContain('failed work');
    rmSync(join(folder, 'work'));
    mkdirSync(join(folder, 'work'));
    expect(look(54_321)).toContain('warning work');
  });
});

test('space, at the nearest folder that is there', async () => {
  const findings = await examineSpace(configOf());
  expect(findings.map(({ subject }) => subject.replace(folder, ''))).toEqual([
    '/work',
    '',
    '/work/downloads',
    '/work/backups',
  ]);
  expect(new Set(findings.map(({ found }) => found)).size).toBe(1);
  expect(findings[0]?.found).toMatch(/^[\d.]+ [KMGT]iB free of [\d.]+ [KMGT]iB \([\d.]+ %\)$/);
});

test('agents’ programs', () => {
  const more = `agents:
  - {id: good, type: custom, binary_path: /bin/sh}
  - {id: gone, type: custom, binary_path: ${folder}/none}
  - {id: off, type: custom, binary_path: ${folder}/none, enabled: false}
`;
  const { config, places } = parseConfig(textOf({ more }), 'daemon.yaml');
  if (!config) throw new Error('it is valid');
  const findings = examineAgents(config, checkHost(config, places));
  expect(outcomes(findings)).toEqual(['failed agents[1].binary_path', 'ok good', 'ok off']);
  expect(findings[0]).toMatchObject({
    found: expect.stringContaining('does not exist'),
    advice: expect.stringMatching(/line \d+/),
  });
});

describe('sockets', () => {
  const control = (outcome: Parameters<typeof examineSockets>[1]['outcome']) => ({ socket: '/c.sock', outcome });
  const answered = control({ status: statusView(), tookMs: 1 });

  async function listening(): Promise<number> {
    const server: Server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  test('of a daemon that runs', async () => {
    const config = configOf({ ports: `grpc_port: ${await listening()}\n  http_port: ${await freePort()}` });
    const findings = await examineSockets(config, answered, true);
    expect(findings.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'failed']);
    expect(findings[2]?.found).toContain('ECONNREFUSED');
    const hung = await examineSockets(config, control({ error: new Error('no answer') }), true);
    expect(hung[0]).toMatchObject({ outcome: 'failed', found: 'no answer' });
  });

  test('of one that does not: whether it could listen', async () => {
    const config = configOf({ ports: `grpc_port: ${await listening()}\n  http_port: ${await freePort()}` });
    const findings = await examineSockets(config, control({ error: new Error('no') }), false);
    expect(findings.map(({ outcome }) => outcome)).toEqual(['warning', 'failed', 'ok']);
    expect(findings[1]?.found).toBe('is used by another program');
  });
});

describe('the Manager', () => {
  const connected = { state: 'connected', reason: '' };

  /** Answers as a server of gRPC does to a browser. */
  async function manager(over: { ca?: string; date?: string | null } = {}): Promise<number> {
    const { cert, key } = await authority.issue({ name: 'manager', hosts: ['127.0.0.1'] });
    const tls = { requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' } as const;
    const server = createSecureServer({ cert, key, ca: over.ca ?? authority.cert, ...tls });
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
    examineManagers(configOf({ address: `127.0.0.1:${port}`, ...made }), connected, {});

  test('reached with the certificate of this host, and its clock agrees', async () => {
    const port = await manager();
    const findings = await look(port);
    expect(outcomes(findings)).toEqual(['ok link', `ok 127.0.0.1:${port}`, `ok 127.0.0.1:${port}`]);
    expect(foundOf(findings)).toContain("TLS 1.3 with this host's certificate, it answers");
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
    expect(outcomes(findings)).toEqual(['ok link', `failed 127.0.0.1:${port}`, `unknown 127.0.0.1:${port}`]);
    expect(foundOf(findings)).toContain('ECONNREFUSED');
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
    writeFileSync(join(folder, 'ca.crt'), other.cert);
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
    expect(outcomes(await look(port, { tls: 'off' })).slice(1)).toEqual([
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
    const looked = async (proxy: string, env: NodeJS.ProcessEnv = {}): Promise<Finding[]> => {
      const address = `127.0.0.1:${await manager()}`;
      const findings = await examineManagers(configOf({ address, proxy }), connected, env);
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
      });
    });

    test('of the environment: not to this host itself', async () => {
      const { port, asked } = await proxyWith();
      const findings = await looked('', { HTTPS_PROXY: `http://127.0.0.1:${port}` });
      expect([findings[0]?.outcome, asked]).toEqual(['ok', []]);
    });

    test('of the environment, which cannot be used', async () => {
      const findings = await examineManagers(configOf({ address: 'm.example:9090' }), null, {
        HTTPS_PROXY: 'https://proxy:1',
      });
      expect(outcomes(findings)).toEqual(['failed manager.proxy']);
      expect(foundOf(findings)).toContain('only http:// is supported');
    });
  });

  test('a link that is down is a failure', async () => {
    const link = { state: 'backing-off', reason: 'nobody there' };
    const [first] = await examineManagers(configOf(), link, {});
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
});

describe('privileges and systemd', () => {
  function proc(status: string, cgroup: string): string {
    const root = join(folder, 'proc');
    mkdirSync(join(root, '7'), { recursive: true });
    writeFileSync(join(root, '7/status'), status);
    writeFileSync(join(root, '7/cgroup'), cgroup);
    return root;
  }
  const more = 'agents:\n  - {id: a, type: custom, binary_path: /bin/sh, user: nobody}\n';

  test('root under a unit', () => {
    const daemon = daemonProcess(
      7,
      proc('Name:\tnode\nUid:\t0\t0\t0\t0\nCapEff:\t000001ff\n', '0::/system.slice/daemon.service\n'),
    );
    expect(daemon).toEqual({ pid: 7, uid: 0, hasCapabilities: true, unit: 'daemon.service' });
    expect(examinePrivileges(configOf(), daemon, 1)).toMatchObject([{ outcome: 'ok' }]);
    expect(examineSystemd(daemon, folder)).toMatchObject([
      { outcome: 'ok', found: expect.stringContaining('daemon.service') },
    ]);
  });

  test('the environment of the daemon, or of this program where there is none to be read', () => {
    const root = proc('', '');
    writeFileSync(join(root, '7/environ'), 'A=b=c\0HTTPS_PROXY=http://proxy:1\0=odd\0');
    expect(daemonEnvironment(7, root)).toEqual({ A: 'b=c', HTTPS_PROXY: 'http://proxy:1' });
    expect([daemonEnvironment(8, root), daemonEnvironment(0, root)]).toEqual([process.env, process.env]);
  });

  test('somebody else, of no unit: what it cannot do', () => {
    const daemon = daemonProcess(7, proc('Uid:\t1000\t1000\nCapEff:\t0000000000000000\n', '0::/user.slice\n'));
    const [finding] = examinePrivileges(configOf({ more, ports: 'grpc_port: 443' }), daemon, 0);
    expect(finding).toMatchObject({ outcome: 'warning' });
    expect(finding?.found).toMatch(/runs as user 1000; it cannot start a as another user; listen on port 443; /);
    expect(examineSystemd(daemon, folder)).toMatchObject([{ outcome: 'warning' }]);
  });

  test('no daemon, no systemd', () => {
    expect(examinePrivileges(configOf(), daemonProcess(0), 1000)[0]?.found).toContain('were it started as this user');
    expect(examineSystemd(daemonProcess(0), folder)).toMatchObject([{ outcome: 'unknown' }]);
    expect(examineSystemd(daemonProcess(0), join(folder, 'none'))).toMatchObject([{ outcome: 'warning' }]);
  });
});

describe('all together', () => {
  const configFile = (): string => join(folder, 'daemon.yaml');

  test('with the daemon down, from the configuration alone', async () => {
    writeFileSync(configFile(), textOf(), { mode: 0o600 });
    const findings = await examine({ configFile: configFile(), nowMs: NOW_MS });
    const checks = [
      'configuration',
      'certificates',
      'permissions',
      'space',
      'agents',
      'sockets',
      'manager',
      'clock',
      'privileges',
      'systemd',
    ];
    expect(checks.filter((check) => check !== 'agents' && !findings.some((one) => one.check === check))).toEqual([]);
    for (const { outcome, advice } of findings) if (outcome === 'failed') expect(advice).not.toBe('');
    expect(summary(findings)).toMatch(/^\d+ ok, \d+ warning/);
  });

  test('with the daemon: asked where its work_dir is', async () => {
    writeFileSync(configFile(), textOf(), { mode: 0o600 });
    const daemon = await FakeDaemon.listen(socketIn(join(folder, 'work')), hostHandlers());
    try {
      const findings = await examine({ configFile: configFile(), nowMs: NOW_MS });
      expect(findings.find(({ subject }) => subject === daemon.path)).toMatchObject({ outcome: 'ok' });
      expect(findings.find(({ subject }) => subject === 'link')).toMatchObject({ outcome: 'ok' });
    } finally {
      await daemon.goAway();
    }
  });

  test.each([
    ['an invalid configuration', 'manager: {adress: x}\n', 'line 1'],
    ['none', null, 'does not exist'],
  ])('%s is a failure, and the rest is left', async (_, text, says) => {
    if (text !== null) writeFileSync(configFile(), text);
    const findings = await examine({ configFile: configFile(), nowMs: NOW_MS });
    expect(findings[0]).toMatchObject({
      check: 'configuration',
      outcome: 'failed',
      found: expect.stringContaining(says),
    });
    expect(findings.at(-1)?.check).toBe('systemd');
  });
});
