/** A TCP server on a free port of 127.0.0.1 for what stands between the daemon's link and the Manager. */
import { type AddressInfo, createServer, type ServerOpts, type Socket } from 'node:net';
import type { Scope } from '../src/shared/lifecycle/scope.ts';

export interface LoopbackOptions extends Pick<ServerOpts, 'allowHalfOpen'> {
  accept(client: Socket): void;
  /** Every socket that is open, those towards the Manager too: they end with the scope. */
  sockets: ReadonlySet<Socket>;
}

/** Listens until the scope ends; gives the port. */
export async function listenOnLoopback(
  scope: Scope,
  { accept, sockets, ...options }: LoopbackOptions,
): Promise<number> {
  const server = createServer({ noDelay: true, ...options }, accept);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  await scope.add(async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return (server.address() as AddressInfo).port;
}
