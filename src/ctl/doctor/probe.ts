/**
 * One Manager, tried from here: TCP, a proxy's tunnel where there is one on the way, TLS 1.3 with this host's certificate,
 * one HTTP/2 request. With TLS 1.3 a server
 * refuses a client's certificate only after the handshake, so that an answer to a request is what proves it was taken.
 */
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';
import { hostOf } from '../../shared/platform/address.ts';
import type { HttpProxy } from '../../shared/platform/proxy-choice.ts';
import { openTunnel } from '../../shared/platform/proxy-tunnel.ts';
import { CLOSED_AFTER_HANDSHAKE } from '../../shared/platform/tls-verdict.ts';

export interface Probe {
  /** HOST:PORT of the proxy on the way; empty: none. */
  proxy: string;
  /** Null: TCP connected, to the proxy where there is one. */
  tcpError: unknown;
  /** Null: the proxy made a tunnel, or there is none. */
  tunnelError: unknown;
  /** Null: the handshake was made; also without TLS. */
  tlsError: unknown;
  /** Null: an answer to a request came. */
  answerError: unknown;
  /** Of the Manager's certificate, Unix milliseconds; null without TLS. */
  validity: { notBeforeMs: number; notAfterMs: number } | null;
  /** Of its answer, to the second, and when this host's clock stood where; null where it tells no time. */
  clock: { serverMs: number; hereMs: number } | null;
}

const STEP_MS = 5000;

async function connected(address: string): Promise<Socket> {
  const socket = connect({ host: hostOf(address), port: Number(address.slice(address.lastIndexOf(':') + 1)) });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(STEP_MS) });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** The CA's word is asked for: `context` trusts nothing else. */
async function handshake(socket: Socket, host: string, context: SecureContext): Promise<TLSSocket> {
  const name = isIP(host) ? {} : { servername: host };
  const tls = connectTls({ socket, host, ...name, secureContext: context, ALPNProtocols: ['h2'] });
  await once(tls, 'secureConnect', { signal: AbortSignal.timeout(STEP_MS) });
  return tls;
}

/** The `date` of the answer, Unix milliseconds; null where the answer has none. Throws where none came. */
function dateOfAnswer(session: ClientHttp2Session): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no answer within ${STEP_MS / 1000} s`)), STEP_MS);
    const settle = (act: () => void): void => {
      clearTimeout(late);
      act();
    };
    session.once('error', (error) => settle(() => reject(error)));
    const closed = new Error('it closed the connection right after the TLS handshake');
    session.once('close', () => settle(() => reject(Object.assign(closed, { code: CLOSED_AFTER_HANDSHAKE }))));
    const stream = session.request({ ':method': 'GET', ':path': '/' }, { endStream: true });
    stream.on('error', (error) => settle(() => reject(error)));
    stream.once('response', ({ date }) => {
      const ms = Date.parse(String(date));
      settle(() => resolve(Number.isNaN(ms) ? null : ms));
    });
  });
}

/** `context`: null without TLS. `proxy`: null: straight. Never rejects. */
export async function probe(address: string, context: SecureContext | null, proxy: HttpProxy | null): Promise<Probe> {
  const found: Probe = {
    ...{ proxy: proxy?.address ?? '', tcpError: null, tunnelError: null, tlsError: null, answerError: null },
    ...{ validity: null, clock: null },
  };
  let socket: Socket | null = null;
  try {
    socket = await connected(proxy?.address ?? address);
  } catch (error) {
    return { ...found, tcpError: error };
  }
  // faults that come between two steps have nobody else to hear them
  socket.on('error', () => {});
  try {
    if (proxy) await openTunnel(socket, address, proxy, AbortSignal.timeout(STEP_MS));
  } catch (error) {
    socket.destroy();
    return { ...found, tunnelError: error };
  }
  try {
    if (context) {
      const tls = await handshake(socket, hostOf(address), context);
      tls.on('error', () => {});
      const { valid_from, valid_to } = tls.getPeerCertificate();
      found.validity = { notBeforeMs: Date.parse(valid_from), notAfterMs: Date.parse(valid_to) };
      socket = tls;
    }
  } catch (error) {
    socket.destroy();
    return { ...found, tlsError: error };
  }
  const open = socket;
  const session = connectHttp2(`${context ? 'https' : 'http'}://${address}`, { createConnection: () => open });
  session.on('error', () => {});
  try {
    const askedMs = Date.now();
    const serverMs = await dateOfAnswer(session);
    found.clock = serverMs === null ? null : { serverMs, hereMs: (askedMs + Date.now()) / 2 };
  } catch (error) {
    found.answerError = error;
  } finally {
    session.destroy();
    open.destroy();
  }
  return found;
}
