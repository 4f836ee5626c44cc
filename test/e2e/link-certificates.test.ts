/** Certificates that are renewed under a link that goes on, that are broken, expire, or do not fit the other side's. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Authority, createAuthority, LOOPBACK_HOSTS } from '../../src/demo/certificates.ts';
import type { ReportedEvent } from '../../src/shared/contracts/manager-events.ts';
import { createTwoWayCertificates, type ManagerProcess } from '../support/manager-process.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-until.ts';
import { type Linked, linked, linkedBothWays } from './link-host.ts';

const DAY_MS = 86_400_000;

function certificateEvents(manager: ManagerProcess): ReportedEvent[] {
  return manager.eventsNamed('happened').flatMap(({ events }) => events.filter(({ kind }) => kind === 'certificate'));
}

async function told(manager: ManagerProcess, state: string): Promise<ReportedEvent> {
  const found = (): ReportedEvent | undefined =>
    certificateEvents(manager).find(({ details }) => details['state'] === state);
  return waitFor(found, { what: `the event that certificates are ${state}`, timeoutMs: 20_000 });
}

async function beats(manager: ManagerProcess, count: number): Promise<void> {
  const before = manager.eventsNamed('heartbeat').length;
  const came = (): boolean => manager.eventsNamed('heartbeat').length >= before + count;
  await waitFor(came, { what: `${count} heartbeats` });
}

async function issueInto(folder: string, authority: Authority): Promise<void> {
  for (const [file, name] of [
    ['server', 'manager'],
    ['client', 'daemon'],
  ]) {
    const { cert, key } = await authority.issue({ name: name ?? '', hosts: LOOPBACK_HOSTS });
    writeFileSync(join(folder, `${file}.crt`), cert);
    writeFileSync(join(folder, `${file}.key`), key, { mode: 0o600 });
  }
}

test.concurrent('CA and both certificates are rotated and no heartbeat fails', async (context) => {
  const { host, manager, warnings } = await linkedBothWays(context);
  const folder = manager.tlsFolder;
  const daemon = host.start();
  await beats(manager, 2);
  const oldCa = readFileSync(join(folder, 'ca.crt'), 'utf8');
  const next = await createAuthority('the next CA');
  const steps: (() => void | Promise<void>)[] = [
    () => writeFileSync(join(folder, 'ca.crt'), `${oldCa}${next.cert}`),
    () => issueInto(folder, next),
    () => writeFileSync(join(folder, 'ca.crt'), next.cert),
  ];
  for (const change of steps) {
    await change();
    const since = host.log().length;
    const reloaded = manager.nextEvent('tls');
    manager.child.signal('SIGHUP');
    expect((await reloaded).error).toBeUndefined();
    daemon.signal('SIGHUP');
    await host.logged('certificate-renewed', undefined, since);
    await host.logged('link-state', ({ state }) => state === 'connected', since);
    await beats(manager, 1);
    expect(await manager.op(await nodeOf(manager), 'list', '--via', 'dial')).toMatchObject({ code: 0 });
  }
  const happened = new Map(certificateEvents(manager).map(({ number, details }) => [number, details['state']]));
  expect([...happened.values()]).toEqual(Array(3).fill('renewed'));
  expect(host.log().filter(({ state }) => state === 'backing-off')).toEqual([]);
  expect(warnings()).toEqual([]);
  const times = manager.eventsNamed('heartbeat').map(({ receivedAtMs }) => receivedAtMs);
  expect(manager.eventsNamed('heartbeat').every(({ accepted }) => accepted)).toBe(true);
  const gaps = times.slice(1).map((time, at) => time - (times[at] ?? 0));
  expect(Math.max(...gaps)).toBeLessThan(3000);
});

async function nodeOf(manager: ManagerProcess): Promise<string> {
  return (await manager.event('registered')).nodeId;
}

/** The host's certificates lie apart from the Manager's. */
async function apart(link: Linked): Promise<string> {
  const folder = join(link.host.folder, 'certs');
  mkdirSync(folder);
  cpSync(link.manager.tlsFolder, folder, { recursive: true, filter: (path) => !path.endsWith('.sock') });
  const file = (name: string): string => join(folder, name);
  const tls = { cert_file: file('client.crt'), key_file: file('client.key'), ca_file: file('ca.crt') };
  await link.configure({ manager: { tls } });
  return folder;
}

test.concurrent('a broken new set keeps the old one, and is told', async (context) => {
  const link = await linked(context);
  const { host, manager } = link;
  const folder = await apart(link);
  const daemon = host.start();
  await beats(manager, 1);
  const key = readFileSync(join(folder, 'client.key'));
  const other = await (await createAuthority('another')).issue({ name: 'daemon' });
  writeFileSync(join(folder, 'client.key'), other.key);
  daemon.signal('SIGHUP');
  const line = await host.logged('certificate-failed');
  expect(line).toMatchObject({ level: 'warn', code: 'D2001' });
  expect(line.msg).toMatch(/the old ones stay: .*check: key match/);
  expect((await told(manager, 'failed')).message).toContain('the old ones stay');
  expect(await host.ctl('link')).toMatch(/^New certificate +not used: .*key/m);
  // a new connection is made with the old ones
  await manager.fault({ fault: 'drop' });
  await waitFor(() => manager.eventsNamed('registered').length === 2, { what: 'the second registration' });
  await beats(manager, 1);
  writeFileSync(join(folder, 'client.key'), key);
  daemon.signal('SIGHUP');
  await host.logged('certificate-restored');
  expect((await host.link()).certificate?.candidate).toBe('');
});

test.concurrent('one that expires within seven days is told and shown', async (context) => {
  const tls = await temporaryFolder('tls');
  context.onTestFinished(() => tls.remove());
  await createTwoWayCertificates(tls.path, { notAfter: new Date(Date.now() + 5.5 * DAY_MS) });
  const { host, manager } = await linked(context, { tlsFolder: tls.path });
  host.start();
  const { message, details } = await told(manager, 'expires-soon');
  expect(message).toContain('expires within 7 days');
  expect(details).toMatchObject({ role: 'own', subject: expect.stringContaining('daemon') });
  expect(await host.logged('certificate-expiry')).toMatchObject({ level: 'warn' });
  expect(await host.ctl('link')).toMatch(/^Certificate .*\(5 days, expires-soon\)$/m);
});

type Spoil = (folder: string, authority: Authority) => Promise<void> | void;
/** What is wrong, on whose side, and what D2001 says of it. */
const FAULTS: [string, 'manager' | 'host', Spoil, RegExp][] = [
  [
    'expired',
    'manager',
    async (folder, authority) => {
      const notAfter = new Date(Date.now() - 2 * DAY_MS);
      await put(folder, 'server', authority, { hosts: LOOPBACK_HOSTS, notAfter });
    },
    /the Manager's certificate expired at .*, 2 d ago .*\(check: expired\); renew it/,
  ],
  [
    'for another name',
    'manager',
    (folder, authority) => put(folder, 'server', authority, { hosts: ['manager.example.com'] }),
    /does not carry the name 127\.0\.0\.1 \(check: name\): it carries server, manager\.example\.com/,
  ],
  [
    'of an unknown CA',
    'host',
    async (folder) => writeFileSync(join(folder, 'ca.crt'), (await createAuthority('another')).cert),
    /not issued by the CA in .*ca\.crt \(check: unknown CA\)/,
  ],
  [
    'of a host that the Manager does not trust',
    'host',
    async (folder) => put(folder, 'client', await createAuthority('another'), {}),
    /client\.crt.*\(check: client certificate\)/,
  ],
  ['missing on the host', 'host', (folder) => rmSync(join(folder, 'client.crt')), /client\.crt.*\(check: file\)/],
];

async function put(
  folder: string,
  file: string,
  authority: Authority,
  options: { hosts?: readonly string[]; notAfter?: Date },
): Promise<void> {
  const { cert, key } = await authority.issue({ name: file, ...options });
  writeFileSync(join(folder, `${file}.crt`), cert);
  writeFileSync(join(folder, `${file}.key`), key, { mode: 0o600 });
}

test.concurrent.for(FAULTS)(
  'a certificate that is %s is told by D2001 in words',
  async ([, side, spoil, words], context) => {
    const tls = await temporaryFolder('tls');
    context.onTestFinished(() => tls.remove());
    const authority = await createTwoWayCertificates(tls.path);
    if (side === 'manager') await spoil(tls.path, authority);
    const link = await linked(context, { tlsFolder: tls.path });
    const folder = await apart(link);
    if (side === 'host') await spoil(folder, authority);
    link.host.start();
    const line = await link.host.logged('link-state', ({ state }) => state === 'backing-off');
    expect(line).toMatchObject({ level: 'warn', code: 'D2001' });
    expect(line['reason']).toMatch(words);
    expect(await link.host.ctl('link')).toMatch(words);
    expect(link.manager.eventsNamed('registered')).toEqual([]);
  },
);
