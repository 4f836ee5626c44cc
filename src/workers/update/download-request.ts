/**
 * One question to one host, over a connection of its own that is not kept. The host that knows us is shown the client
 * certificate and must be of our own CA, over TLS 1.3; any other is checked against the system's CAs and is shown none.
 */
import { type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import { isIP } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { TlsFilePaths } from '../../shared/contracts/pool-tasks.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { type Hop, normalHost } from '../../shared/packages/source-rules.ts';
import { readTlsFiles, type TlsFileContents, tls13Context } from '../../shared/platform/tls-files.ts';

const HEADERS = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'host-daemon-update' };

export interface Trust {
  /** Our identity, and the only CA that the host may be of; null: the system's CAs and no certificate. */
  identity: SecureContext | null;
  /** The authorities of other hosts, PEM: read only where one is asked. */
  authorities(): string | string[];
}

/** Throws D4001 where the files are no identity. */
export async function loadIdentity(paths: TlsFilePaths): Promise<SecureContext> {
  let contents: TlsFileContents | undefined;
  try {
    contents = await readTlsFiles(paths);
    return tls13Context(contents);
  } catch (cause) {
    const files = `${paths.certFile}, ${paths.keyFile} and ${paths.caFile}`;
    throw new DaemonError('D4001', `the package could not be downloaded: ${files} are no client certificate`, {
      cause,
    });
  } finally {
    contents?.key.fill(0);
  }
}

/** The head of the answer; its body is for the caller to read or to destroy. Rejects with the network's error. */
export function ask(
  { url, authorization }: Hop,
  headers: Record<string, string>,
  { identity, authorities }: Trust,
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
            ...(identity ? { secureContext: identity } : { ca: authorities() }),
            rejectUnauthorized: true, // whatever the environment says
            servername: isIP(host) ? '' : host,
          });
    asked.on('response', resolve);
    asked.on('error', reject); // stays: after the answer its body tells of errors
    asked.end();
  });
}
