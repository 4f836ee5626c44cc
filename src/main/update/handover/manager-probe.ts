/**
 * Whether the Manager answers this host at all, asked by the helper with the daemon's own certificates: a TLS 1.3
 * handshake for HTTP/2, and that the connection is not closed at once, which is how an unwanted certificate shows.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { TlsFilePaths } from '../../../shared/contracts/pool-tasks.ts';
import { hostOf } from '../../../shared/platform/address.ts';

/** How long the connection must stay open after the handshake. */
const SETTLE_MS = 300;
/** A client's HTTP/2 connection preface and an empty SETTINGS frame (RFC 9113, 3.4). */
const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

/** Never rejects: whatever goes wrong, the Manager does not answer this host. */
export async function managerAnswers(address: string, tls: TlsFilePaths, timeoutMs: number): Promise<boolean> {
  const host = hostOf(address);
  let key: Buffer;
  let rest: { cert: Buffer; ca: Buffer };
  try {
    const [cert, ca] = [await readFile(tls.certFile), await readFile(tls.caFile)];
    rest = { cert, ca };
    key = await readFile(tls.keyFile);
  } catch {
    return false; // without an identity no version of the daemon can connect
  }
  return new Promise((resolve) => {
    let socket: TLSSocket | null = null;
    const finish = (answers: boolean): void => {
      clearTimeout(timer);
      socket?.destroy();
      resolve(answers);
    };
    const timer = setTimeout(() => finish(false), timeoutMs);
    try {
      socket = connect({
        host,
        port: Number(address.slice(address.lastIndexOf(':') + 1)),
        ...(isIP(host) ? {} : { servername: host }),
        minVersion: 'TLSv1.3',
        ALPNProtocols: ['h2'],
        key,
        ...rest,
      });
    } catch {
      return finish(false); // files that make no identity
    } finally {
      key.fill(0);
    }
    socket.on('error', () => finish(false));
    socket.on('close', () => finish(false));
    socket.once('secureConnect', () => {
      socket?.write(PREFACE);
      // a server's answer to the preface is its own SETTINGS: then it serves
      socket?.once('data', () => setTimeout(() => finish(true), SETTLE_MS));
    });
  });
}
