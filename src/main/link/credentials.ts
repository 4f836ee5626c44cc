/**
 * Mutual TLS 1.3 for grpc-js. One object a dial attempt: it owns the sockets of that attempt, since grpc-js leaves
 * one behind that is stuck in a handshake, and it keeps the first error, which grpc-js reduces to a text. Its base
 * class is exported; the methods with an underscore are in the types but not promised: grpc-js is pinned to ~1.14
 * and a test holds that TLS 1.2 is refused.
 */
import { readFile } from 'node:fs/promises';
import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { CallCredentials, ChannelCredentials } from '@grpc/grpc-js';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { hostOf } from '../../shared/platform/address.ts';

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;
type ConnectorArguments = Parameters<ChannelCredentials['_createSecureConnector']>;

export interface TlsFiles {
  certFile: string;
  keyFile: string;
  caFile: string;
}

const TLS_1_3 = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;

async function read(path: string, key: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new DaemonError('D2001', `manager.tls.${key}: ${path} cannot be read`, { cause, retryable: true });
  }
}

/** Reads the three files anew. Throws D2001 that names the file. The key's bytes are cleared after use. */
export async function loadSecureContext(files: TlsFiles): Promise<SecureContext> {
  // one after another: the same fault always names the same file, and the key is the last in memory
  const cert = await read(files.certFile, 'cert_file');
  const ca = await read(files.caFile, 'ca_file');
  const key = await read(files.keyFile, 'key_file');
  try {
    return createSecureContext({ ...TLS_1_3, cert, key, ca });
  } catch (cause) {
    const what = `${files.certFile}, ${files.keyFile} and ${files.caFile}`;
    throw new DaemonError('D2001', `${what} do not make a TLS identity: a file is no PEM, or the key is another's`, {
      cause,
      retryable: true,
    });
  } finally {
    key.fill(0);
  }
}

export class DialCredentials extends ChannelCredentials {
  readonly #context: SecureContext;
  readonly #handshakeMs: number;
  readonly #sockets = new Set<Socket>();
  #error: Error | null = null;
  #tls: TLSSocket | null = null;

  constructor(context: SecureContext, handshakeMs: number) {
    super();
    this.#context = context;
    this.#handshakeMs = handshakeMs;
  }

  /** The first error of a socket of this attempt, with its own code; null when there was none. */
  get error(): Error | null {
    return this.#error;
  }

  /** This host's address on the way to the Manager; empty before the handshake is done. */
  get localAddress(): string {
    return this.#tls?.localAddress ?? '';
  }

  /** Whether the TLS handshake succeeded, as this side saw it. */
  get secured(): boolean {
    return this.#tls !== null;
  }

  /** Whether the connection is still open: where it is and the channel has left it, the Manager said goodbye. */
  get open(): boolean {
    return this.#tls !== null && !this.#tls.destroyed && this.#error === null;
  }

  /** Ends every socket of this attempt. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(...[target, options, callCredentials]: ConnectorArguments): Connector {
    const override: unknown = options['grpc.ssl_target_name_override'];
    const host = typeof override === 'string' ? override : hostOf(target.path);
    return {
      connect: async (socket) => ({ socket: await this.#handshake(socket, host), secure: true }),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials ?? CallCredentials.createEmpty(),
      destroy: () => {},
    };
  }

  #handshake(socket: Socket, host: string): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        clearTimeout(timer);
        this.#error ??= error;
        tls.destroy();
        socket.destroy();
        reject(error);
      };
      const timer = setTimeout(
        () => fail(new Error(`the TLS handshake did not end within ${this.#handshakeMs} ms`)),
        this.#handshakeMs,
      );
      const tls = connect({
        socket,
        host,
        ...(isIP(host) ? {} : { servername: host }),
        secureContext: this.#context,
        ALPNProtocols: ['h2'],
        checkServerIdentity: (name, cert) => checkServerIdentity(name || host, cert),
      });
      this.#sockets.add(tls);
      tls.on('error', fail);
      tls.once('close', () => {
        clearTimeout(timer);
        this.#sockets.delete(tls);
        reject(new Error('the connection was closed during the TLS handshake'));
      });
      tls.once('secureConnect', () => {
        clearTimeout(timer);
        if (!tls.authorized) return fail(tls.authorizationError ?? new Error('the certificate was not accepted'));
        if (tls.alpnProtocol !== 'h2') return fail(new Error('the peer does not speak HTTP/2'));
        this.#tls = tls;
        resolve(tls);
      });
    });
  }
}
