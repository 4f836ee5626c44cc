/** Connections that say nothing, over TLS and in plaintext, and such that have said something and rest. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { credentials, type ServiceError } from '@grpc/grpc-js';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Connections } from '../../../../src/main/server/connections.ts';
import { DaemonServiceClient, type ListAgentsResponse } from '../../../../src/shared/gen/daemon.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { waitFor } from '../../../support/wait-until.ts';
import { servedHost } from './served.ts';

const host = servedHost();
const SILENT_MS = 300;

test.each(['over TLS', 'in plaintext'])('%s: a silent one is cut, one that rests after a call is not', async (how) => {
  const plaintext = how === 'in plaintext';
  const { port } = await host.serve({ handshakeMs: SILENT_MS, ...(plaintext ? { tls: 'off' } : {}) });
  const read = (name: string): Buffer => readFileSync(host.file(name));
  const client = new DaemonServiceClient(
    `127.0.0.1:${port}`,
    plaintext
      ? credentials.createInsecure()
      : credentials.createSsl(read('ca.crt'), read('client.key'), read('client.crt')),
    { 'grpc.initial_reconnect_backoff_ms': 60_000, 'grpc.enable_retries': 0 },
  );
  onTestFinished(() => client.close());
  const list = (): Promise<ListAgentsResponse> =>
    new Promise((resolve, reject) => {
      client.listAgents({}, (error: ServiceError | null, answer) => (error ? reject(error) : resolve(answer)));
    });
  await list();
  let left = 0;
  const peer = client.getChannel();
  peer.watchConnectivityState(peer.getConnectivityState(false), Number.POSITIVE_INFINITY, () => left++);
  // begun after the client's connection: where it is cut, the client's time was up too
  const silent = connect(port, '127.0.0.1');
  silent.on('error', () => {});
  silent.resume();
  await once(silent, 'close');
  const since = performance.now();
  await waitFor(() => performance.now() - since > SILENT_MS, { what: 'more than the limit' });
  await list();
  expect(left).toBe(0);
});

test('when there is no room, those that are there are asked by TCP whether they still are; told once', async () => {
  const taken: Socket[] = [];
  const clock = new FakeClock();
  const full = vi.fn();
  const connections = new Connections({
    ...{ max: 2, silenceMs: 10_000, goodbyeMs: 500, onFull: full, onError: () => {} },
    onConnection: (socket) => taken.push(socket),
    after: (delayMs, _, run) => clock.after(delayMs, run),
  });
  const port = await connections.listen('', 0);
  const come = (): Socket => connect(port, '127.0.0.1').on('error', () => {});
  const peers = [come(), come()];
  await waitFor(() => taken.length === 2, { what: 'two connections' });
  const probes = taken.map((socket) => vi.spyOn(socket, 'setKeepAlive'));
  for (let n = 0; n < 2; n++) await once(come().resume(), 'close');
  for (const probe of probes) expect(probe).toHaveBeenCalledWith(true, 60_000);
  expect(full).toHaveBeenCalledTimes(1);
  peers[0]?.destroy();
  await waitFor(() => taken[0]?.destroyed, { what: 'room' });
  peers.push(come());
  await waitFor(() => taken.length === 3, { what: 'another connection' });
  expect(clock.timers).toBe(2);
  const closed = connections.close();
  await clock.advance(500);
  await closed;
  expect([clock.timers, taken.every(({ destroyed }) => destroyed)]).toEqual([0, true]);
  for (const peer of peers) peer.destroy();
});
