/**
 * Asks an HTTP proxy for a tunnel (CONNECT, RFC 9110, 9.3.6) over a socket that is connected to it. What the Manager's
 * side sent right behind the proxy's answer stays in the socket for whoever reads next.
 */
import type { Socket } from 'node:net';
import type { HttpProxy } from './proxy-choice.ts';

const MAX_HEAD_BYTES = 16 * 1024;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** The proxy would not, with PROXY_AUTH or PROXY_REFUSED as its code. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly code: 'PROXY_AUTH' | 'PROXY_REFUSED';

  constructor(code: ProxyError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** `target`: HOST:PORT. Rejects with a ProxyError, or with the socket's own error; the socket is the caller's to end. */
export function openTunnel(
  socket: Socket,
  target: string,
  { authorization }: HttpProxy,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    const finish = (error?: unknown): void => {
      socket.off('data', onData).off('error', finish).off('close', onClose);
      signal.removeEventListener('abort', onAbort);
      socket.pause();
      if (error === undefined) resolve();
      else reject(error);
    };
    const onClose = (): void => finish(new ProxyError('PROXY_REFUSED', 'it closed the connection without an answer'));
    const onAbort = (): void => finish(signal.reason);
    const onData = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf(END_OF_HEAD);
      if (end < 0) {
        if (head.length > MAX_HEAD_BYTES) finish(new ProxyError('PROXY_REFUSED', 'its answer has no end'));
        return;
      }
      const rest = head.subarray(end + END_OF_HEAD.length);
      const refusal = refusalIn(head.subarray(0, end).toString('latin1'));
      finish(refusal ?? undefined);
      if (!refusal && rest.length > 0) socket.unshift(rest);
    };
    socket.on('data', onData).on('error', finish).on('close', onClose);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) return onAbort();
    const proof = authorization === '' ? '' : `Proxy-Authorization: ${authorization}\r\n`;
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${proof}\r\n`);
  });
}

function refusalIn(head: string): ProxyError | null {
  const [line = ''] = head.split('\r\n', 1);
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(line)?.[1];
  if (status?.startsWith('2')) return null;
  const shown = JSON.stringify(line.slice(0, 100));
  if (status === '407') return new ProxyError('PROXY_AUTH', `it wants other credentials: ${shown}`);
  return new ProxyError('PROXY_REFUSED', `it answered ${shown}`);
}
