/** The bundle of the status page: the server together with the page, which the build puts in. */
import { StatusServer, type StatusServerOptions } from './status-server.ts';

declare const __STATUS_PAGE__: string;

/** Rejects with the system's error where the address cannot be had. */
export function openStatusServer(options: Omit<StatusServerOptions, 'page'>): Promise<StatusServer> {
  return StatusServer.listen({ ...options, page: __STATUS_PAGE__ });
}
