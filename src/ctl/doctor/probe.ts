/**
 * One Manager, tried from here: TCP, a proxy's tunnel where there is one on the way, TLS 1.3 with this host's
 * certificate, one HTTP/2 request. With TLS 1.3 a server refuses a client's certificate only after the handshake, so
 * that an answer to a request is what proves it was taken. Each step has a limit of its own.
 */
import { type EventEmitter, once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';
import { codeOf } from '../../shared/errors/error-code.ts';
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
/** The code of a step that had no answer in time; the kernel's own for a connection. */
export const SILENT = 'ETIMEDOUT';

const silence = (stepMs: number): Error =>
  Object.assign(new Error(`no answer within ${stepMs / 1000} s`), { code: SILENT });

/** The event; rejects with an error that comes first, or in words where nothing comes in time. */
async function within(stepMs: number, emitter: EventEmitter, event: string): Promise<void> {
  try {
    await once(emitter, event, { signal: AbortSignal.timeout(stepMs) });
  } catch (error) {
    throw codeOf(error) === 'ABORT_ERR' ? silence(stepMs) : error;
  }
}

async function connected(address: string, stepMs: number): Promise<Socket> {
  const socket = connect({ host: hostOf(address), port: Number(address.slice(address.lastIndexOf(':') + 1)) });
  // faults that come between two steps have nobody else to hear them
  socket.on('error', () => {});
  try {
    await within(stepMs, socket, 'connect');
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function tunnelled(socket: Socket, address: string, proxy: HttpProxy, stepMs: number): Promise<void> {
  const signal = AbortSignal.timeout(stepMs);
  try {
    await openTunnel(socket, address, proxy, signal);
  } catch (error) {
    throw error === signal.reason ? silence(stepMs) : error;
  }
}

/** The CA's word is asked for: `context` trusts nothing else. */
async function handshake(socket: Socket, host: string, context: SecureContext, stepMs: number): Promise<TLSSocket> {
  const name = isIP(host) ? {} : { servername: host };
  const tls = connectTls({ socket, host, ...name, secureContext: context, ALPNProtocols: ['h2'] });
  tls.on('error', () => {});
  try {
    await within(stepMs, tls, 'secureConnect');
    return tls;
  } catch (error) {
    tls.destroy(); // before the socket below it: the other way round Node may crash
    throw error;
  }
}

/** The `date` of the answer, Unix milliseconds; null where the answer has none. Throws where none came. */
function dateOfAnswer(session: ClientHttp2Session, stepMs: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(silence(stepMs)), stepMs);
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

/** `context`: null without TLS. `proxy`: null: straight. `stepMs`: the limit of each step. Never rejects. */
export async function probe(
  address: string,
  context: SecureContext | null,
  proxy: HttpProxy | null,
  stepMs = STEP_MS,
): Promise<Probe> {
  const found: Probe = {
    ...{ proxy: proxy?.address ?? '', tcpError: null, tunnelError: null, tlsError: null, answerError: null },
    ...{ validity: null, clock: null },
  };
  let socket: Socket | null = null;
  try {
    socket = await connected(proxy?.address ?? address, stepMs);
  } catch (error) {
    return { ...found, tcpError: error };
  }
  try {
    if (proxy) await tunnelled(socket, address, proxy, stepMs);
  } catch (error) {
    socket.destroy();
    return { ...found, tunnelError: error };
  }
  try {
    if (context) {
      const tls = await handshake(socket, hostOf(address), context, stepMs);
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
    const serverMs = await dateOfAnswer(session, stepMs);
    found.clock = serverMs === null ? null : { serverMs, hereMs: (askedMs + Date.now()) / 2 };
  } catch (error) {
    found.answerError = error;
  } finally {
    session.destroy();
    open.destroy();
  }
  return found;
}
