/** The standard health service, over real TLS. */
import { type ClientReadableStream, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type HealthCheckResponse,
  HealthClient,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../../../src/shared/gen/health.ts';
import { waitFor } from '../../../support/wait-until.ts';
import { servedHost } from './served.ts';

const host = servedHost();
const SERVED = ['', 'proto.DaemonService'];

function client(port: number): HealthClient {
  const [ca, key, cert] = ['ca.crt', 'client.key', 'client.crt'].map(host.read);
  const made = new HealthClient(`127.0.0.1:${port}`, credentials.createSsl(ca, key, cert));
  onTestFinished(() => made.close());
  return made;
}

function check(made: HealthClient, service: string): Promise<HealthCheckResponse> {
  return new Promise((resolve, reject) => {
    made.check({ service }, (error: ServiceError | null, answer) => (error ? reject(error) : resolve(answer)));
  });
}

interface Watched {
  call: ClientReadableStream<HealthCheckResponse>;
  seen: Serving[];
  ended: Promise<{ code: number; details: string }>;
}

function watch(made: HealthClient, service: string): Watched {
  const call = made.watch({ service });
  const seen: Serving[] = [];
  call.on('data', (answer: HealthCheckResponse) => seen.push(answer.status));
  call.on('error', () => {}); // 'status' says it too
  return { call, seen, ended: new Promise((resolve) => call.once('status', resolve)) };
}

describe('Check', () => {
  test.each(SERVED)('of %j serves, whatever is allowed, and is no line in the audit log', async (service) => {
    const { port } = await host.serve({ access: { allow: [], allowedNames: ['somebody else'] } });
    expect(await check(client(port), service)).toEqual({ status: Serving.SERVING });
    expect(host.log.events('operation')).toEqual([]);
  });

  test('of what is not here is NOT_FOUND', async () => {
    const { port } = await host.serve();
    await expect(check(client(port), 'manager.ManagerService')).rejects.toMatchObject({ code: status.NOT_FOUND });
  });
});

describe('Watch', () => {
  test.each(SERVED)('of %j tells at once, and that the port closes', async (service) => {
    const server = await host.serve();
    const { seen, ended } = watch(client(server.port), service);
    await waitFor(() => seen.length > 0, { what: 'the first answer' });
    await server.close();
    expect((await ended).code).toBe(status.OK);
    expect(seen).toEqual([Serving.SERVING, Serving.NOT_SERVING]);
  });

  test('of what is not here says so, and ends with the port', async () => {
    const server = await host.serve();
    const { seen, ended } = watch(client(server.port), 'other');
    await waitFor(() => seen.length > 0, { what: 'the first answer' });
    await server.close();
    await ended;
    expect(seen).toEqual([Serving.SERVICE_UNKNOWN]);
  });

  test('so many at a time: one more is refused until another goes', async () => {
    const { port } = await host.serve();
    const made = client(port);
    const watching = Array.from({ length: 16 }, () => watch(made, ''));
    await waitFor(() => watching.every(({ seen }) => seen.length > 0), { what: 'the first answers' });
    expect(await watch(made, '').ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    watching[0]?.call.cancel();
    const again = async (): Promise<boolean> => {
      const { call, seen, ended } = watch(made, '');
      const refused = await Promise.race([ended, waitFor(() => seen.length > 0, { what: 'an answer' })]);
      call.cancel();
      return refused === true;
    };
    await waitFor(again, { what: 'a free place' });
  });
});
