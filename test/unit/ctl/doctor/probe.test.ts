import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { judgeProbe } from '../../../../src/ctl/doctor/manager.ts';
import { probe, SILENT } from '../../../../src/ctl/doctor/probe.ts';
import { waitFor } from '../../../support/wait-until.ts';

const STEP_MS = 50;

/** Accepts, and says nothing. */
async function silent(): Promise<{ address: string; connections: ReadonlySet<Socket> }> {
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.on('error', () => {}).on('close', () => connections.delete(socket));
    socket.resume();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    for (const socket of connections) socket.destroy();
    server.close();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, connections };
}

const error = (message = 'no answer within 0.05 s') => expect.objectContaining({ message, code: SILENT });

test('a Manager that says nothing in the handshake: the connection is ended, and nothing is left', async () => {
  const { address, connections } = await silent();
  const found = await probe(address, createSecureContext({ minVersion: 'TLSv1.3' }), null, STEP_MS);
  expect(found).toMatchObject({ tcpError: null, tlsError: error(), answerError: null });
  await waitFor(() => connections.size === 0, { what: 'the end of the connection' });
  expect(judgeProbe(address, found, false)).toMatchObject([
    { outcome: 'failed', advice: expect.stringContaining('says nothing') },
  ]);
});

test('many of them at once', async () => {
  const { address, connections } = await silent();
  const context = createSecureContext({ minVersion: 'TLSv1.3' });
  const found = await Promise.all(Array.from({ length: 20 }, () => probe(address, context, null, STEP_MS)));
  expect(found.map(({ tlsError }) => tlsError)).toEqual(found.map(() => error()));
  await waitFor(() => connections.size === 0, { what: 'the end of all connections' });
});

test('a proxy that says nothing', async () => {
  const { address, connections } = await silent();
  const found = await probe('m.example:9090', null, { address, authorization: '' }, STEP_MS);
  expect(found).toMatchObject({ proxy: address, tcpError: null, tunnelError: error(), tlsError: null });
  await waitFor(() => connections.size === 0, { what: 'the end of the connection' });
  expect(judgeProbe('m.example:9090', found, true)).toMatchObject([
    { outcome: 'failed', advice: expect.stringMatching(/^the proxy takes connections and does not answer/) },
  ]);
});

test('a Manager that says nothing to a request', async () => {
  const { address, connections } = await silent();
  const found = await probe(address, null, null, STEP_MS);
  expect(found).toMatchObject({ tcpError: null, tlsError: null, answerError: error(), clock: null });
  await waitFor(() => connections.size === 0, { what: 'the end of the connection' });
});
