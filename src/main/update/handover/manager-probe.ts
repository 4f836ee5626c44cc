/**
 * Whether the Manager answers this host at all, asked by the helper with the daemon's own certificates: a TLS 1.3
 * handshake for HTTP/2, and that the connection is not closed at once, which is how an unwanted certificate shows.
 * Where the daemon speaks plaintext with it, so does this.
 */
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import type { TlsFilePaths } from '../../../shared/contracts/pool-tasks.ts';
import { hostOf } from '../../../shared/platform/address.ts';
import { readTlsFiles, tls13Context } from '../../../shared/platform/tls-files.ts';

/** How long the connection must stay open after the handshake. */
const SETTLE_MS = 300;
/** A client's HTTP/2 connection preface and an empty SETTINGS frame (RFC 9113, 3.4). */
const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
/** Of a frame: its length (3 bytes), type and flags, stream (4 bytes). */
const FRAME_HEAD_BYTES = 9;
const SETTINGS = 4;

export type ProbeTls = TlsFilePaths & { off?: boolean };

/** Never rejects: whatever goes wrong, the Manager does not answer this host. */
export async function managerAnswers(address: string, tls: ProbeTls, timeoutMs: number): Promise<boolean> {
  let opened: ReturnType<typeof open>;
  try {
    opened = open(address, tls.off ? null : await contextOf(tls));
  } catch {
    return false; // without an identity, or an address, no version of the daemon can connect
  }
  const [socket, ready] = opened;
  return new Promise((resolve) => {
    const finish = (answers: boolean): void => {
      clearTimeout(timer);
      clearTimeout(settled);
      socket.destroy();
      resolve(answers);
    };
    let settled: NodeJS.Timeout | undefined;
    const timer = setTimeout(() => finish(false), timeoutMs);
    socket.on('error', () => finish(false));
    socket.on('close', () => finish(false));
    socket.once(ready, () => {
      socket.write(PREFACE);
      let head = Buffer.alloc(0);
      socket.on('data', (chunk: Buffer) => {
        if (settled) return;
        head = Buffer.concat([head, chunk]);
        if (head.length < FRAME_HEAD_BYTES) return;
        // a server's answer to the preface is its own SETTINGS: then it serves
        if (head[3] !== SETTINGS) return finish(false);
        settled = setTimeout(() => finish(true), SETTLE_MS);
      });
    });
  });
}

async function contextOf(tls: TlsFilePaths): Promise<SecureContext> {
  const contents = await readTlsFiles(tls);
  try {
    return tls13Context(contents);
  } finally {
    contents.key.fill(0);
  }
}

/** The socket, and the event that says that HTTP/2 may begin on it. */
function open(address: string, context: SecureContext | null): [Socket, 'connect' | 'secureConnect'] {
  const host = hostOf(address);
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  if (!context) return [connectPlain({ host, port }), 'connect'];
  const name = isIP(host) ? {} : { servername: host };
  const authorised = { secureContext: context, rejectUnauthorized: true };
  return [connectTls({ host, port, ...name, ...authorised, ALPNProtocols: ['h2'] }), 'secureConnect'];
}
