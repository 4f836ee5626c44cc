/**
 * One question to one host, over a connection of its own that is not kept. The host that knows us is shown the client
 * certificate and must be of our own CA, over TLS 1.3; any other is checked against the system's CAs and is shown none.
 */
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import { isIP } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { TlsFilePaths } from '../../shared/contracts/pool-tasks.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { type Hop, normalHost } from '../../shared/packages/source-rules.ts';

const HEADERS = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'host-daemon-update' };

export interface Trust {
  /** Our identity, and the only CA that the host may be of; null: the system's CAs and no certificate. */
  identity: SecureContext | null;
  /** In place of the system's CAs, for tests; PEM. */
  ca?: string | undefined;
}

/** Throws D4001 where the files are no identity. */
export async function loadIdentity({ certFile, keyFile, caFile }: TlsFilePaths): Promise<SecureContext> {
  let key: Buffer | undefined;
  try {
    const [cert, ca] = await Promise.all([readFile(certFile), readFile(caFile)]);
    key = await readFile(keyFile);
    return createSecureContext({ cert, ca, key, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' });
  } catch (cause) {
    const files = `${certFile}, ${keyFile} and ${caFile}`;
    throw new DaemonError('D4001', `the package could not be downloaded: ${files} are no client certificate`, {
      cause,
    });
  } finally {
    key?.fill(0);
  }
}

/** The head of the answer; its body is for the caller to read or to destroy. Rejects with the network's error. */
export function ask(
  { url, authorization }: Hop,
  headers: Record<string, string>,
  { identity, ca }: Trust,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const host = normalHost(url.hostname);
  const options: RequestOptions = {
    agent: false,
    headers: { ...HEADERS, ...headers, ...(authorization === null ? {} : { authorization }) },
    signal,
  };
  return new Promise((resolve, reject) => {
    const asked =
      url.protocol === 'http:'
        ? requestPlain(url, options)
        : requestSecure(url, {
            ...options,
            ...(identity ? { secureContext: identity } : { ca }),
            rejectUnauthorized: true, // whatever the environment says
            servername: isIP(host) ? '' : host,
          });
    asked.on('response', resolve);
    asked.on('error', reject); // stays: after the answer its body tells of errors
    asked.end();
  });
}
