import { createServer, type Server } from 'node:net';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { UnreachableError } from '../../../../src/ctl/client.ts';
import { examineSockets } from '../../../../src/ctl/doctor/sockets.ts';
import { freePort } from '../../../support/free-port.ts';
import { statusView } from '../host-views.ts';
import { advised, ExaminedHost } from './examined-host.ts';

let host: ExaminedHost;

beforeEach(async () => {
  host = await ExaminedHost.make();
});

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
  const config = host.config({ ports: `grpc_port: ${await listening()}\n  http_port: ${await freePort()}` });
  const findings = await examineSockets(config, answered, true);
  advised(findings);
  expect(findings.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'failed']);
  expect(findings[2]?.found).toContain('ECONNREFUSED');
  const hung = await examineSockets(config, control({ error: new Error('no answer') }), true);
  expect(hung[0]).toMatchObject({ outcome: 'failed', found: 'no answer' });
});

test('of one that does not: whether it could listen', async () => {
  const config = host.config({ ports: `grpc_port: ${await listening()}\n  http_port: ${await freePort()}` });
  const findings = advised(await examineSockets(config, control({ error: new Error('no') }), false));
  expect(findings.map(({ outcome }) => outcome)).toEqual(['warning', 'failed', 'ok']);
  expect(findings[1]?.found).toBe('is used by another program');
});

test('of one that may not be asked, or seen, by this user', async () => {
  const free = await freePort();
  const config = host.config({ ports: `grpc_port: ${await listening()}\n  http_port: ${free}` });
  const forbidden = new UnreachableError('no', { cause: Object.assign(new Error('no'), { code: 'EACCES' }) });
  const seen = advised(await examineSockets(config, control({ error: forbidden }), true));
  expect(seen.map(({ outcome }) => outcome)).toEqual(['unknown', 'ok', 'failed']);
  const hidden = advised(await examineSockets(config, control({ error: forbidden }), null));
  expect(hidden.map(({ outcome }) => outcome)).toEqual(['unknown', 'ok', 'unknown']);
});
