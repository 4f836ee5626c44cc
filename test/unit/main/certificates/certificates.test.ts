/** Certificates that rotate, with real files; the connection that tries them out is real where it says so. */
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Authority, createAuthority, type KeyPair } from '../../../../src/demo/certificates.ts';
import type { CertificateEvent } from '../../../../src/main/certificates/announcer.ts';
import { Certificates, type CertificatesOptions } from '../../../../src/main/certificates/certificates.ts';
import { connectError } from '../../../../src/main/link/tls-failure.ts';
import type { Identity } from '../../../../src/shared/contracts/identity.ts';
import type { TlsFilePaths } from '../../../../src/shared/contracts/pool-tasks.ts';
import { DaemonError } from '../../../../src/shared/errors/daemon-error.ts';
import { systemClock } from '../../../../src/shared/platform/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';

const DAY_MS = 86_400_000;

let authority: Authority;
let paths: TlsFilePaths;
let log: FakeLog;
let events: CertificateEvent[];
/** What tryOut does, and how often it was asked. */
let answer: (candidate: Identity, signal: AbortSignal) => Promise<void>;
let tried: Identity[];
/** What runs each minute. */
let minute: () => Promise<void>;
let stopped: boolean;
/** Ahead of the files' times, so that they count as settled. */
let aheadMs: number;

beforeAll(async () => {
  authority = await createAuthority('test CA');
});
beforeEach(async () => {
  const folder = await testFolder('certificates');
  paths = { certFile: join(folder, 'crt'), keyFile: join(folder, 'key'), caFile: join(folder, 'ca') };
  log = new FakeLog();
  events = [];
  tried = [];
  answer = () => Promise.resolve();
  stopped = false;
  aheadMs = 60_000;
  put({ ...(await issue('first')), ca: authority.cert });
});

const issue = (name: string, validMs?: number): Promise<KeyPair> =>
  authority.issue({ name, ...(validMs === undefined ? {} : { notAfter: new Date(Date.now() + validMs) }) });

function put({ cert, key, ca }: { cert?: string; key?: string; ca?: string }): void {
  if (cert !== undefined) writeFileSync(paths.certFile, cert);
  if (key !== undefined) writeFileSync(paths.keyFile, key, { mode: 0o600 });
  if (ca !== undefined) writeFileSync(paths.caFile, ca);
}

function start(over: Partial<CertificatesOptions> = {}): Certificates {
  const certificates = new Certificates({
    files: () => paths,
    clock: { ...systemClock, wallMs: () => Date.now() + aheadMs },
    every: (_interval, _name, run) => {
      minute = run;
      return () => {
        stopped = true;
      };
    },
    log,
    onEvent: (event) => events.push(event),
    tryOut: (candidate, signal) => {
      tried.push(candidate);
      return answer(candidate, signal);
    },
    serving: false,
    ...over,
  });
  onTestFinished(() => certificates.close());
  return certificates;
}

/** Started, and with an identity in use. */
async function running(over: Partial<CertificatesOptions> = {}): Promise<Certificates> {
  const certificates = start(over);
  await certificates.current();
  return certificates;
}

const nameOf = ({ certificate }: Identity): string => certificate.subject;
const inUse = async (certificates: Certificates): Promise<string> => nameOf(await certificates.current());
const refusing = (code: string) => (): Promise<void> => {
  const cause = Object.assign(new Error('alert'), { code });
  return Promise.reject(new DaemonError('D2001', 'the Manager does not take it', { cause }));
};
const states = (): string[] => events.map(({ details }) => details['state'] ?? '');

describe('the first one', () => {
  test('is read once, however many ask at once', async () => {
    const certificates = start();
    const [one, two] = await Promise.all([certificates.current(), certificates.current()]);
    expect(one).toBe(two);
    expect(await certificates.current()).toBe(one);
    expect(log.events('certificate-loaded')).toHaveLength(1);
    expect(events).toEqual([]);
  });

  test('is read again where it failed', async () => {
    const key = paths.keyFile;
    rmSync(key);
    const certificates = start();
    expect(certificates.status()).toMatchObject({ state: 'none', candidate: '' });
    const failed = await Promise.allSettled([certificates.current(), certificates.current()]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(certificates.current()).rejects.toMatchObject({ code: 'D2001' });
    await expect(certificates.candidates()).rejects.toMatchObject({ code: 'D2001' });
    expect(certificates.status()).toMatchObject({ state: 'none', candidate: expect.stringContaining(key) });
    put(await issue('second'));
    expect(await inUse(certificates)).toBe('CN=second');
    expect(certificates.status()).toMatchObject({ state: 'ok', candidate: '' });
  });

  test('is told of once where it is bad, by the looks', async () => {
    put({ cert: 'no certificate' });
    const certificates = start();
    await certificates.look();
    await minute();
    expect(log.events('certificate-failed')).toEqual([expect.objectContaining({ level: 'warn', code: 'D2001' })]);
    expect(events).toEqual([
      {
        kind: 'certificate',
        message: expect.stringContaining('the certificates cannot be used: manager.tls.cert_file: '),
        details: { state: 'failed', code: 'D2001', reason: 'certFile certificate' },
      },
    ]);
    put(await issue('second'));
    await minute();
    expect(certificates.status()).toMatchObject({ subject: 'CN=second', candidate: '' });
    expect(tried).toEqual([]);
  });

  test.each([true, false])("has its key's bytes where it serves (%s)", async (serving) => {
    const { pem } = await (await running({ serving })).current();
    expect(pem.key.toString().includes('PRIVATE KEY')).toBe(serving);
  });
});

describe('new files', () => {
  test('are tried out, and then in use', async () => {
    const certificates = await running();
    const old = await certificates.current();
    const heard: string[] = [];
    const end = certificates.onChange((identity) => heard.push(nameOf(identity)));
    put(await issue('second'));
    expect(await certificates.current()).toBe(old);
    await certificates.look();
    expect(tried.map(nameOf)).toEqual(['CN=second']);
    expect(await certificates.current()).toBe(tried[0]);
    expect(heard).toEqual(['CN=second']);

    const message = expect.stringMatching(
      /^certificates renewed: CN=second, serial [0-9A-F]{32}, good until \S+Z, in place of CN=first, serial [0-9A-F]{32}, good/,
    );
    expect(events).toEqual([
      {
        kind: 'certificate',
        message,
        details: {
          state: 'renewed',
          serial: expect.stringMatching(/^[0-9A-F]{32}$/),
          subject: 'CN=second',
          not_after: expect.stringMatching(/Z$/),
          old_serial: expect.stringMatching(/^[0-9A-F]{32}$/),
          old_subject: 'CN=first',
          old_not_after: expect.stringMatching(/Z$/),
        },
      },
    ]);
    expect(log.events('certificate-renewed')).toEqual([expect.objectContaining({ level: 'info', message })]);

    end();
    put(await issue('third'));
    await minute();
    expect(await inUse(certificates)).toBe('CN=third');
    expect(heard).toEqual(['CN=second']);
  });

  test('that are the old ones are not tried', async () => {
    const certificates = await running();
    for (let n = 0; n < 3; n++) await certificates.look();
    put({ ca: authority.cert });
    await minute();
    aheadMs = 0; // nothing counts as settled
    await minute();
    expect(tried).toEqual([]);
    expect(events).toEqual([]);
  });

  test('a CA that changed is enough', async () => {
    const certificates = await running();
    put({ ca: (await createAuthority('another CA')).cert });
    await minute();
    expect(tried).toHaveLength(1);
    expect(events.map(({ kind }) => kind)).toEqual(['certificate']);
    expect(certificates.status().candidate).toBe('');
  });

  test('of another configuration are new files', async () => {
    const certificates = await running();
    const folder = await testFolder('certificates-other');
    paths = { certFile: join(folder, 'crt'), keyFile: join(folder, 'key'), caFile: join(folder, 'ca') };
    put({ ...(await issue('second')), ca: authority.cert });
    await minute();
    expect(await inUse(certificates)).toBe('CN=second');
  });

  test('a listener that fails harms no other', async () => {
    const certificates = await running();
    const heard: string[] = [];
    certificates.onChange(() => {
      throw new Error('no');
    });
    certificates.onChange((identity) => heard.push(nameOf(identity)));
    put(await issue('second'));
    await certificates.look();
    expect(heard).toEqual(['CN=second']);
    expect(log.events('certificate-fault')).toHaveLength(1);
  });
});

describe('a broken set', () => {
  test('keeps the old, is told once a reason, and is tried again', async () => {
    const certificates = await running();
    const { cert, key } = await issue('second');
    put({ cert });
    for (let n = 0; n < 3; n++) await minute();
    expect(states()).toEqual(['failed']);
    expect(events[0]?.message).toMatch(/^the new certificates are not used, the old ones stay: .*\(check: key match\)/);
    expect(certificates.status()).toMatchObject({
      subject: 'CN=first',
      candidate: expect.stringContaining('check: key match'),
    });
    expect((await certificates.candidates()).map(nameOf)).toEqual(['CN=first']);
    rmSync(paths.keyFile);
    for (let n = 0; n < 2; n++) await minute();
    expect(states()).toEqual(['failed', 'failed']);
    expect(log.events('certificate-failed')).toHaveLength(2);
    expect(tried).toEqual([]);

    put({ key });
    await minute();
    expect(await inUse(certificates)).toBe('CN=second');
    expect(certificates.status().candidate).toBe('');
    expect(states()).toEqual(['failed', 'failed', 'renewed']);
  });

  test('that becomes the old one again is over, and that is told once', async () => {
    const first = await issue('second');
    put(first);
    const certificates = await running();
    put({ cert: 'no certificate' });
    await minute();
    put(first);
    for (let n = 0; n < 2; n++) await minute();
    expect(log.events('certificate-restored')).toEqual([expect.objectContaining({ level: 'info' })]);
    expect(certificates.status().candidate).toBe('');
    expect(tried).toEqual([]);
    // the same fault is told anew after that
    put({ cert: 'no certificate' });
    await minute();
    expect(states()).toEqual(['failed', 'failed']);
  });

  test('that holds only later is in use then', async () => {
    const certificates = await running();
    put(await authority.issue({ name: 'second', notBefore: new Date(Date.now() + DAY_MS) }));
    for (let n = 0; n < 2; n++) {
      await minute();
      aheadMs += 3_600_000; // the words differ, the fault is the same
    }
    expect(states()).toEqual(['failed']);
    expect(certificates.status().candidate).toContain('check: not yet valid');
    aheadMs = DAY_MS + 60_000;
    await minute();
    expect(await inUse(certificates)).toBe('CN=second');
  });
});

describe('a set that the Manager refuses', () => {
  test('keeps the old, is told once, and is tried until it is taken', async () => {
    const certificates = await running();
    answer = refusing('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA');
    put(await issue('second'));
    for (let n = 0; n < 3; n++) await minute();
    expect(tried).toHaveLength(3);
    expect(new Set(tried).size).toBe(1);
    expect(states()).toEqual(['failed']);
    expect(certificates.status().candidate).toBe('the Manager does not take it: alert');
    answer = refusing('CERT_HAS_EXPIRED');
    await minute();
    expect(states()).toEqual(['failed', 'failed']);
    expect(await inUse(certificates)).toBe('CN=first');
    answer = () => Promise.resolve();
    await minute();
    expect(await inUse(certificates)).toBe('CN=second');
  });

  test('is at hand for the link, should the old one be refused as well', async () => {
    const certificates = await running();
    answer = refusing('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA');
    put(await issue('second'));
    await minute();
    expect((await certificates.candidates()).map(nameOf)).toEqual(['CN=first', 'CN=second']);
  });
});

describe('while there is no way to the Manager', () => {
  beforeEach(() => {
    answer = refusing('ECONNREFUSED');
  });

  test('a new set waits, and nothing bad is told of it', async () => {
    const certificates = await running();
    put(await issue('second'));
    for (let n = 0; n < 2; n++) await certificates.look();
    expect(events).toEqual([]);
    expect(log.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    expect(certificates.status()).toMatchObject({
      subject: 'CN=first',
      candidate: 'it could not be tried: the Manager does not take it: alert',
    });
  });

  test.each([
    ['a fault of ours', new DaemonError('internal', 'no link')],
    ['no error at all', 'no'],
  ])('%s is no verdict either', async (_, reason) => {
    const certificates = await running();
    answer = () => Promise.reject(reason);
    put(await issue('second'));
    await certificates.look();
    expect(events).toEqual([]);
    expect(await inUse(certificates)).toBe('CN=first');
  });

  test('the link finds it beside the one in use, and what it connects with is in use', async () => {
    const certificates = await running();
    expect(await certificates.candidates()).toHaveLength(1);
    const heard: string[] = [];
    certificates.onChange((identity) => heard.push(nameOf(identity)));
    put(await issue('second'));
    const candidates = await certificates.candidates(); // no look was needed
    expect(candidates.map(nameOf)).toEqual(['CN=first', 'CN=second']);
    expect(await certificates.candidates()).toEqual(candidates);
    const [first, second] = candidates;
    if (!first || !second) throw new Error('there are two');
    certificates.promote(first);
    expect(await certificates.current()).toBe(first);
    certificates.promote(second);
    certificates.promote(second);
    expect(await certificates.current()).toBe(second);
    certificates.promote(first); // a newer one is in use
    expect(await certificates.candidates()).toEqual([second]);
    expect(heard).toEqual(['CN=second']);
    expect(states()).toEqual(['renewed']);
    await certificates.look();
    expect(tried).toEqual([]);
  });

  test('what is not from here cannot be promoted', async () => {
    const certificates = await running();
    const stranger = { ...(await certificates.current()) };
    expect(() => certificates.promote(stranger)).toThrow(expect.objectContaining({ code: 'internal' }));
  });
});

describe('looks', () => {
  /** A tryOut that waits until it is told to go on. */
  function held(): { goOn(): void; running: () => number; most: () => number } {
    let [now, most] = [0, 0];
    let release: () => void = () => {};
    answer = async () => {
      now++;
      most = Math.max(most, now);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      now--;
    };
    return { goOn: () => release(), running: () => now, most: () => most };
  }

  test('what changes while it is tried out is not taken for what was tried', async () => {
    const certificates = await running();
    const hold = held();
    put(await issue('second'));
    const looking = certificates.look();
    await waitFor(() => hold.running() === 1, { what: 'the try' });
    put(await issue('third'));
    // the link is not held up meanwhile, and is given what is there now
    expect((await certificates.candidates()).map(nameOf)).toEqual(['CN=first', 'CN=third']);
    hold.goOn();
    await looking;
    expect(await inUse(certificates)).toBe('CN=second');
    expect((await certificates.candidates()).map(nameOf)).toEqual(['CN=second', 'CN=third']);
    const next = certificates.look();
    await waitFor(() => hold.running() === 1, { what: 'the next try' });
    hold.goOn();
    await next;
    expect(await inUse(certificates)).toBe('CN=third');
  });

  test('are never two at once; whoever asks meanwhile gets one that begins after', async () => {
    const certificates = await running();
    const hold = held();
    put(await issue('second'));
    const first = certificates.look();
    await waitFor(() => hold.running() === 1, { what: 'the try' });
    const others = [minute(), certificates.look(), certificates.look()];
    put(await issue('third'));
    hold.goOn();
    await first;
    await waitFor(() => hold.running() === 1, { what: 'the second try' });
    hold.goOn();
    await Promise.all(others);
    expect(hold.most()).toBe(1);
    expect(tried.map(nameOf)).toEqual(['CN=second', 'CN=third']);
  });

  test('end with a close, whatever is being tried', async () => {
    const certificates = await running();
    answer = (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    put(await issue('second'));
    const looking = certificates.look();
    await waitFor(() => tried.length === 1, { what: 'the try' });
    await certificates.close();
    await looking;
    await certificates.look();
    expect(stopped).toBe(true);
    expect(tried).toHaveLength(1);
    expect(events).toEqual([]);
    expect(await inUse(certificates)).toBe('CN=first');
  });

  test('a try that succeeds after the close changes nothing', async () => {
    const certificates = await running();
    const hold = held();
    put(await issue('second'));
    const looking = certificates.look();
    await waitFor(() => hold.running() === 1, { what: 'the try' });
    const closing = certificates.close();
    hold.goOn();
    await Promise.all([looking, closing]);
    expect(await inUse(certificates)).toBe('CN=first');
  });

  test('a fault of ours is logged and ends nothing', async () => {
    let faulty = false;
    const certificates = await running({
      files: () => {
        if (faulty) throw new Error('no');
        return paths;
      },
    });
    faulty = true;
    await certificates.look();
    expect(log.events('certificate-fault')).toHaveLength(1);
    faulty = false;
    put(await issue('second'));
    await certificates.look();
    expect(await inUse(certificates)).toBe('CN=second');
  });
});

describe('files that others can read', () => {
  test('are warned of once, and again when it comes back', async () => {
    chmodSync(paths.keyFile, 0o644);
    const certificates = await running();
    await certificates.look();
    const warned = (): unknown[] => log.events('key-file-mode').map(({ level, path, mode }) => [level, path, mode]);
    expect(warned()).toEqual([['warn', paths.keyFile, '0644']]);
    chmodSync(paths.keyFile, 0o600);
    await minute();
    chmodSync(paths.keyFile, 0o640);
    await minute();
    await minute();
    expect(warned()).toEqual([
      ['warn', paths.keyFile, '0644'],
      ['warn', paths.keyFile, '0640'],
    ]);
    expect(events).toEqual([]);
  });
});

describe('expiry', () => {
  const expiries = (): unknown[] =>
    log.events('certificate-expiry').map(({ level, role, subject }) => [level, role, subject]);

  test('is told at the start, and at the looks, once a limit', async () => {
    put(await issue('short', 10 * DAY_MS));
    const certificates = await running();
    await minute();
    expect(expiries()).toEqual([['warn', 'own', 'CN=short']]);
    expect(events).toEqual([
      {
        kind: 'certificate',
        message: expect.stringContaining("the daemon's certificate, CN=short, expires within 30 days"),
        details: { state: 'expires-soon', role: 'own', subject: 'CN=short', not_after: expect.stringMatching(/Z$/) },
      },
    ]);
    expect(certificates.status()).toMatchObject({ daysLeft: 9, state: 'expires-soon' });
    for (const days of [4, 9.5, 9.6, 11, 12]) {
      aheadMs = days * DAY_MS;
      await minute();
    }
    expect(expiries()).toEqual([
      ['warn', 'own', 'CN=short'],
      ['warn', 'own', 'CN=short'],
      ['error', 'own', 'CN=short'],
      ['error', 'own', 'CN=short'],
    ]);
    expect(states()).toEqual(['expires-soon', 'expires-soon', 'expires-soon', 'expired']);
    expect(certificates.status()).toMatchObject({ daysLeft: 0, state: 'expired' });
    expect(await inUse(certificates)).toBe('CN=short'); // better than none
  });

  test('of the chain and of the CA counts too', async () => {
    const soon = { notAfter: new Date(Date.now() + 5 * DAY_MS) };
    const subordinate = await authority.subordinate('short sub CA', soon);
    const { cert, key } = await subordinate.issue({ name: 'long' });
    put({ cert: `${cert}${subordinate.cert}`, key, ca: (await createAuthority('short CA', soon)).cert });
    await running();
    expect(expiries()).toEqual([
      ['warn', 'chain', 'CN=short sub CA'],
      ['warn', 'CA', 'CN=short CA'],
    ]);
  });

  test('of a candidate is told as well', async () => {
    const certificates = await running();
    answer = refusing('ECONNREFUSED');
    put(await issue('short', 5 * DAY_MS));
    await certificates.look();
    expect(expiries()).toEqual([['warn', 'own', 'CN=short']]);
    answer = () => Promise.resolve();
    await certificates.look();
    expect(expiries()).toHaveLength(1);
  });
});

test('a rotation of the CA and both certificates, the Manager after the host, over real TLS', async () => {
  const [before, after] = [authority, await createAuthority('new CA')];
  const served = async (by: Authority) => ({
    ...(await by.issue({ name: 'manager', hosts: ['127.0.0.1'] })),
    minVersion: 'TLSv1.3' as const,
    ca: `${before.cert}${after.cert}`,
  });
  const server = createServer({ ...(await served(before)), requestCert: true, rejectUnauthorized: true }, (socket) => {
    socket.on('error', () => {}).end('welcome');
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  const { port } = server.address() as AddressInfo;
  answer = ({ context }) =>
    new Promise<void>((resolve, reject) => {
      const facts = { address: `127.0.0.1:${port}`, nowMs: Date.now(), ...paths };
      const socket = connect({ host: '127.0.0.1', port, secureContext: context });
      socket.on('error', (error) => reject(connectError(error, facts)));
      socket.once('data', () => {
        socket.destroy();
        resolve();
      });
    });

  const certificates = await running();
  await answer(await certificates.current(), AbortSignal.timeout(30_000));
  put({ ...(await after.issue({ name: 'second' })), ca: after.cert });
  await minute();
  expect(await inUse(certificates)).toBe('CN=first');
  expect(events.map(({ message }) => message)).toEqual([expect.stringContaining('(check: unknown CA)')]);
  server.setSecureContext(await served(after));
  await minute();
  expect(await inUse(certificates)).toBe('CN=second');
  await answer(await certificates.current(), AbortSignal.timeout(30_000));
});
