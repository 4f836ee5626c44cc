/** What happens to the connections of a Manager: cut, sent away, with the certificates of their time. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Authority, createAuthority, createCertificates, LOOPBACK_HOSTS } from '../../../src/demo/certificates.ts';
import { ReferenceManager } from '../../../src/manager/manager.ts';
import type { ManagerNotice } from '../../../src/shared/contracts/manager-events.ts';
import { ManagerClient } from '../../support/manager-client.ts';
import { temporaryFolder } from '../../support/temp-folder.ts';
import { waitFor } from '../../support/wait-until.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let authority: Authority;
let manager: ReferenceManager;
let port: number;
let notices: ManagerNotice[];
const clients: ManagerClient[] = [];

beforeEach(async () => {
  notices = [];
  folder = await temporaryFolder('connections');
  authority = await createCertificates(folder.path);
  manager = new ReferenceManager({ connections: true, onNotice: (notice) => notices.push(notice), stopGraceMs: 50 });
  port = await manager.start({ tlsFolder: folder.path });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await manager.stop();
  await folder.remove();
});

async function open(tlsFolder = folder.path): Promise<ManagerClient> {
  const client = await ManagerClient.open(port, tlsFolder);
  clients.push(client);
  return client;
}
const count = (event: string): number => notices.filter((notice) => notice.event === event).length;

test('they are told of as they come and go', async () => {
  const client = await open();
  await client.heartbeat();
  expect(notices).toMatchObject([{ event: 'connected', number: 1, remoteAddress: '127.0.0.1' }]);
  client.close();
  await waitFor(() => notices.length === 2, { what: 'the end' });
  expect(notices[1]).toEqual({ ...notices[0], event: 'disconnected' });
});

test('a goodbye after every so many calls loses none of them', async () => {
  const client = await open();
  manager.connectionFaults.goawayEvery(5);
  for (let calls = 0; calls < 23; calls++) expect((await client.heartbeat()).success).toBe(true);
  expect(count('connected')).toBe(5);
  expect(manager.nodes.get('node-1')?.heartbeats).toBe(23);
});

test('a goodbye is of the connections that are there: those that follow stay', async () => {
  const client = await open();
  await client.heartbeat();
  manager.sendGoaway();
  await waitFor(() => manager.connections === 0, { what: 'the end of the first' });
  await client.heartbeat();
  expect(manager.connections).toBe(1);
});

test('cut after so many bytes, once', async () => {
  manager.connectionFaults.cutAfter(6000, 1);
  const client = await open();
  const lost = await waitFor(
    () =>
      client.heartbeat().then(
        () => null,
        (error: { code: number }) => error.code,
      ),
    { what: 'the cut', everyMs: 0 },
  );
  expect(lost).toBeGreaterThan(0);
  expect(manager.nodes.get('node-1')?.heartbeats).toBeGreaterThan(3);
  await waitFor(() => manager.connections === 0, { what: 'the end of the connection' });
  await waitFor(async () => (await client.heartbeat()).success, { what: 'a heartbeat again' });
  for (let calls = 0; calls < 100; calls++) await client.heartbeat();
});

test('new certificates are of new connections, live ones go on', async () => {
  const before = await open();
  await before.heartbeat();
  const other = await temporaryFolder('rotated');
  const next = await createCertificates(other.path);
  const { cert, key } = await next.issue({ name: 'manager', hosts: LOOPBACK_HOSTS });
  await writeFile(join(folder.path, 'ca.crt'), next.cert);
  await writeFile(join(folder.path, 'server.crt'), cert);
  await writeFile(join(folder.path, 'server.key'), key);
  await manager.reloadTls();
  expect(count('tls')).toBe(1);
  expect((await before.heartbeat()).success).toBe(true);
  const after = await open(other.path);
  expect((await after.heartbeat()).success).toBe(true);
  manager.dropConnections();
  await waitFor(() => manager.connections === 0, { what: 'the end of both' });
  expect((await after.heartbeat()).success).toBe(true);
  await expect(before.heartbeat()).rejects.toMatchObject({ code: expect.any(Number) });
  await other.remove();
});

test.each<[string, () => Promise<string>, string, string]>([
  ['no PEM', async () => 'rubbish', 'server.crt', 'server.crt is not what its name says'],
  ['the key of another', async () => (await authority.issue({ name: 'x' })).key, 'server.key', 'is not the key of'],
  ['the certificate of another', async () => (await createAuthority('y')).cert, 'server.crt', 'is not the key of'],
  ['a CA that is none', async () => '', 'ca.crt', 'ca.crt is not what its name says'],
])('a broken set (%s) is told and not taken', async (_, content, file, message) => {
  await writeFile(join(folder.path, file), await content());
  await expect(manager.reloadTls()).rejects.toThrow(message);
  expect(notices).toEqual([{ event: 'tls', error: expect.stringContaining(message) }]);
  await createCertificates(folder.path, { authority });
  expect((await (await open()).heartbeat()).success).toBe(true);
});

test('there is nothing to read anew in plaintext', async () => {
  const plain = new ReferenceManager({ stopGraceMs: 50 });
  const client = ManagerClient.plaintext(await plain.start({ tlsFolder: null }));
  expect((await client.register()).success).toBe(true);
  await expect(plain.reloadTls()).rejects.toThrow('plaintext');
  client.close();
  await plain.stop();
});
