/**
 * Mutual TLS 1.3, or plaintext, for grpc-js. One object a dial attempt: it owns the sockets of that attempt, since
 * grpc-js leaves one behind that is stuck in a handshake, and it keeps the first error, which grpc-js reduces to a
 * text. No byte of HTTP/2 leaves before the peer is who it should be. Its base class is exported; the methods with an
 * underscore are in the types but not promised: grpc-js is pinned to ~1.14 and a test holds that TLS 1.2 is refused.
 */
import { X509Certificate } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect, type PeerCertificate, type SecureContext, type TLSSocket } from 'node:tls';
import { CallCredentials, ChannelCredentials } from '@grpc/grpc-js';
import { codeOf } from '../../shared/errors/error-code.ts';
import { alternativeNames, certificateFacts } from '../../shared/platform/certificate-facts.ts';
import { HandshakeError, type PeerFacts } from './handshake-error.ts';

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;
type ConnectorArguments = Parameters<ChannelCredentials['_createSecureConnector']>;

export interface DialCredentialsOptions {
  /** TLS 1.3 with this; null: plaintext, HTTP/2 by prior knowledge. */
  context: SecureContext | null;
  /** For `prepare` and the handshake together. */
  handshakeMs: number;
  /** The name or address that the certificate must carry; the target may be a proxy's. */
  host: string;
  /** What comes first on the connection, such as a proxy's CONNECT. What it leaves unread must be in the socket. */
  prepare?: (socket: Socket, signal: AbortSignal) => Promise<void>;
}

const ALPN = 'h2';

export class DialCredentials extends ChannelCredentials {
  readonly #options: DialCredentialsOptions;
  readonly #sockets = new Set<Socket>();
  readonly #ended = new AbortController();
  #error: Error | null = null;
  #socket: Socket | null = null;
  #raw: Socket | null = null;
  #peerNames: readonly string[] = [];

  constructor(options: DialCredentialsOptions) {
    super();
    this.#options = options;
  }

  /** The first error of a socket of this attempt, with its own code; null when there was none. */
  get error(): Error | null {
    return this.#error;
  }

  /** This host's address on the way to the Manager; empty before it is `secured`. */
  get localAddress(): string {
    return this.#socket?.localAddress ?? '';
  }

  /** Common name, DNS names and URIs of the peer's certificate; none in plaintext. */
  get peerNames(): readonly string[] {
    return this.#peerNames;
  }

  /** Whether the TLS handshake succeeded, as this side saw it; in plaintext, whether there is a connection. */
  get secured(): boolean {
    return this.#socket !== null;
  }

  /** Whether the connection is still open: where it is and the channel has left it, the Manager said goodbye. */
  get open(): boolean {
    return this.#socket !== null && !this.#socket.destroyed && this.#error === null;
  }

  /** From the network, TLS and all. */
  get bytesRead(): number {
    return this.#raw?.bytesRead ?? 0;
  }

  /** Ends every socket of this attempt. */
  destroy(): void {
    this.#ended.abort(new Error('the attempt to connect was given up'));
    this.#destroySockets();
  }

  /** The last one first: Node crashes where a socket is destroyed before the TLS that goes over it. */
  #destroySockets(): void {
    for (const socket of [...this.#sockets].reverse()) socket.destroy();
    this.#sockets.clear();
  }

  override _isSecure(): boolean {
    return this.#options.context !== null;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(...[, , callCredentials]: ConnectorArguments): Connector {
    return {
      connect: async (socket) => ({ socket: await this.#connect(socket), secure: this._isSecure() }),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials ?? CallCredentials.createEmpty(),
      destroy: () => {},
    };
  }

  async #connect(socket: Socket): Promise<Socket> {
    const { context, handshakeMs, prepare } = this.#options;
    this.#own(socket);
    this.#raw = socket;
    const late = new AbortController();
    const message = `the TLS handshake did not end within ${handshakeMs} ms`;
    const timer = setTimeout(() => late.abort(new HandshakeError('HANDSHAKE_TIMEOUT', message, null)), handshakeMs);
    const signal = AbortSignal.any([late.signal, this.#ended.signal]);
    try {
      signal.throwIfAborted();
      await orAborted(signal, prepare?.(socket, signal) ?? Promise.resolve());
      const ready = context ? await orAborted(signal, this.#handshake(socket, context)) : socket;
      this.#socket = ready;
      return ready;
    } catch (error) {
      if (!this.#ended.signal.aborted) this.#note(error);
      this.#destroySockets();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Nothing else listens for errors of the socket all the time: one that nobody listens for would end the daemon. */
  #own(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', (error) => this.#note(error));
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #note(error: unknown): void {
    this.#error ??= error instanceof Error ? error : new Error(String(error));
  }

  #handshake(socket: Socket, context: SecureContext): Promise<TLSSocket> {
    const { host } = this.#options;
    return new Promise((resolve, reject) => {
      let name: 'unchecked' | 'right' | Error = 'unchecked';
      const tls = connect({
        socket,
        host,
        ...(isIP(host) ? {} : { servername: host }),
        secureContext: context,
        ALPNProtocols: [ALPN],
        // decided below, where the certificate is at hand for the words: until then nothing is sent
        rejectUnauthorized: false,
        checkServerIdentity: (_, certificate) => {
          const wrong = checkServerIdentity(host, certificate);
          name = wrong ?? 'right';
          return wrong;
        },
      });
      tls.once('error', (error) => reject(closedEarly(error)));
      tls.once('close', () => reject(closedEarly(null)));
      tls.once('secureConnect', () => {
        const refusal = refusalOf(tls, name);
        if (refusal) return reject(refusal);
        const certificate = certificateOf(tls);
        if (certificate) this.#peerNames = certificateFacts(certificate).names;
        this.#own(tls);
        resolve(tls);
      });
      tls.on('error', () => {}); // of a socket that has been refused; one that was taken notes them too
      this.#sockets.add(tls);
    });
  }
}

/** Null where this is the peer that was meant, in TLS 1.3 and HTTP/2; anything that is not known to be right is wrong. */
function refusalOf(tls: TLSSocket, name: 'unchecked' | 'right' | Error): HandshakeError | null {
  const peer = peerOf(tls);
  if (tls.getProtocol() !== 'TLSv1.3') {
    return new HandshakeError('ERR_SSL_UNSUPPORTED_PROTOCOL', `${tls.getProtocol()} was agreed on`, null);
  }
  if (name instanceof Error) return new HandshakeError(codeOf(name), name.message, peer);
  if (!tls.authorized || name !== 'right' || !peer) {
    const given: unknown = tls.authorizationError; // Node gives the code alone, whatever the types say
    const code = typeof given === 'string' ? given : codeOf(given);
    return new HandshakeError(
      code || 'CERT_REJECTED',
      `the certificate was not accepted: ${code || 'no reason'}`,
      peer,
    );
  }
  return tls.alpnProtocol === ALPN ? null : new HandshakeError('NO_HTTP2', 'the peer does not speak HTTP/2', null);
}

/** Not by getPeerX509Certificate, which takes it out of OpenSSL's chain: asked again, it gives the next one. */
function certificateOf(tls: TLSSocket): X509Certificate | null {
  const shown: Partial<PeerCertificate> = tls.getPeerCertificate(); // an empty object where there is none
  return shown.raw ? new X509Certificate(shown.raw) : null;
}

function peerOf(tls: TLSSocket): PeerFacts | null {
  const certificate = certificateOf(tls);
  if (!certificate) return null;
  const { names, notBeforeMs, notAfterMs } = certificateFacts(certificate);
  return { names: [...new Set([...names, ...alternativeNames(certificate, ['IP Address'])])], notBeforeMs, notAfterMs };
}

function closedEarly(error: Error | null): Error {
  if (error && codeOf(error) !== 'ECONNRESET') return error;
  const message = 'the connection was closed during the TLS handshake';
  return new HandshakeError('CLOSED_IN_HANDSHAKE', message, null, error ?? undefined);
}

function orAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
