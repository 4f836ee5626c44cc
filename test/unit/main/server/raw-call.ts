/** gRPC by hand over HTTP/2, for what no client of it would send. */
import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { onTestFinished } from 'vitest';

export interface RawAnswer {
  /** Of HTTP; 0: the stream ended without one. */
  httpStatus: number;
  /** Of gRPC; -1: none came. */
  status: number;
  /** Percent-decoded, as clients show it. */
  message: string;
  body: Buffer;
  /** With which the stream was reset; 0: it ended. */
  resetCode: number;
}

export interface TlsFiles {
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
}

/** In plaintext without `tls`. Closed when the test has finished. */
export function rawSession(port: number, tls?: TlsFiles): ClientHttp2Session {
  const options = tls ? { ...tls, servername: 'localhost' } : {};
  const session = connect(`${tls ? 'https' : 'http'}://127.0.0.1:${port}`, options);
  session.on('error', () => {}); // whoever awaits something of it is told there
  onTestFinished(() => session.destroy());
  return session;
}

/** One message with its prefix; `flag` 1: it says that it is compressed. */
export function frame(message: Buffer, { flag = 0, length = message.length } = {}): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flag, 0);
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

export const SERVICE = '/proto.DaemonService';

export function rawCall(
  session: ClientHttp2Session,
  path: string,
  body: Buffer,
  headers: OutgoingHttpHeaders = {},
): Promise<RawAnswer> {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  const parts: Buffer[] = [];
  let seen: IncomingHttpHeaders = {};
  stream.on('response', (received) => {
    seen = { ...received };
  });
  stream.on('trailers', (received) => {
    seen = { ...seen, ...received };
  });
  stream.on('data', (part: Buffer) => parts.push(part));
  stream.on('error', () => {}); // 'close' follows
  stream.end(body);
  return new Promise((resolve) => {
    stream.on('close', () =>
      resolve({
        httpStatus: Number(seen[':status'] ?? 0),
        status: Number(seen['grpc-status'] ?? -1),
        message: decodeURIComponent(String(seen['grpc-message'] ?? '')),
        body: Buffer.concat(parts),
        resetCode: stream.rstCode ?? 0,
      }),
    );
  });
}
