/** An HTTP proxy that opens tunnels (CONNECT) to ports of this host, for those who have its password. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface HttpProxyServer {
  readonly port: number;
  /** First line of each request. */
  readonly asked: readonly string[];
  /** Its connections end with it. */
  close(): Promise<void>;
}

/** `credentials`: USER:PASSWORD; empty: anybody may. */
export async function httpProxy(credentials = ''): Promise<HttpProxyServer> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const proof = `Proxy-Authorization: Basic ${Buffer.from(credentials).toString('base64')}\r\n`;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    keep(client).once('data', (head) => {
      const text = head.toString('latin1');
      asked.push(text.split('\r\n', 1)[0] ?? '');
      if (credentials !== '' && !text.includes(proof)) {
        client.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
        return;
      }
      const port = /^CONNECT \S+:(\d+) HTTP\/1\.1\r\n/.exec(text)?.[1];
      if (port === undefined) {
        client.end('HTTP/1.1 400 Bad Request\r\n\r\n');
        return;
      }
      const target = keep(connect(Number(port), '127.0.0.1'));
      const unreachable = (): void => void client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      target.once('error', unreachable).once('connect', () => {
        // what happens to one side from now on is no answer of the proxy's
        target.off('error', unreachable).on('close', () => client.destroy());
        client.on('close', () => target.destroy());
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        client.pipe(target).pipe(client);
      });
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
