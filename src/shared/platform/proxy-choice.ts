/**
 * Which HTTP proxy a Manager is reached through: as `manager.proxy` says, or else as the environment's HTTPS_PROXY and
 * NO_PROXY do, read as curl and Go read them. Pure.
 */
import { BlockList, isIP } from 'node:net';
import { DaemonError } from '../errors/daemon-error.ts';
import { hostOf } from './address.ts';

export interface HttpProxy {
  /** HOST:PORT. */
  address: string;
  /** The Proxy-Authorization header; empty: none. */
  authorization: string;
}

const DEFAULT_PORT = 80;

/** Null: straight. Throws D2001 where the setting cannot be used. */
export function chooseProxy(address: string, configured: string, environment: NodeJS.ProcessEnv): HttpProxy | null {
  if (configured === 'none') return null;
  if (configured !== '') return parseProxy(configured, 'manager.proxy');
  const found = environment['HTTPS_PROXY'] || environment['https_proxy'] || '';
  const except = environment['NO_PROXY'] || environment['no_proxy'] || '';
  if (found === '' || isLoopback(hostOf(address)) || isExcepted(address, except)) return null;
  return parseProxy(found.includes('://') ? found : `http://${found}`, 'HTTPS_PROXY');
}

function parseProxy(text: string, where: string): HttpProxy {
  if (!URL.canParse(text)) throw new DaemonError('D2001', `${where} is no URL of a proxy: http://HOST:PORT`);
  const { protocol, hostname, port, username, password } = new URL(text);
  if (protocol !== 'http:') {
    throw new DaemonError('D2001', `${where} names a proxy with ${protocol}//, only http:// is supported`);
  }
  const credentials = `${decoded(username)}:${decoded(password)}`;
  return {
    address: `${hostname}:${port || DEFAULT_PORT}`,
    authorization: username === '' ? '' : `Basic ${Buffer.from(credentials).toString('base64')}`,
  };
}

/** A lone `%` in a password stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isLoopback(host: string): boolean {
  return /^(localhost\.?|::1)$/i.test(host) || (isIP(host) === 4 && host.startsWith('127.'));
}

function contains(list: BlockList, host: string): boolean {
  const version = isIP(host);
  return version !== 0 && list.check(host, version === 6 ? 'ipv6' : 'ipv4');
}

/** An entry is `*`, a name with or without a leading dot (its subdomains too), an address or a network; a port narrows it. */
function isExcepted(address: string, list: string): boolean {
  const host = hostOf(address).toLowerCase().replace(/\.$/, '');
  const port = address.slice(address.lastIndexOf(':') + 1);
  return list.split(/[\s,]+/).some((text) => {
    const entry = text.toLowerCase();
    if (entry === '' || entry === '*') return entry === '*';
    const network = networkOf(entry);
    if (network) return contains(network, host);
    const narrowed = isIP(entry) === 0 ? /^(.*):(\d+)$/.exec(entry) : null;
    if (narrowed && narrowed[2] !== port) return false;
    const bare = isIP(entry) === 0 ? hostOf(narrowed?.[1] ?? entry) : entry;
    const name = bare.replace(/^\*?\./, '').replace(/\.$/, '');
    return host === name || (isIP(host) === 0 && host.endsWith(`.${name}`));
  });
}

/** Null where it is none, such as one with a prefix that is too long. */
function networkOf(entry: string): BlockList | null {
  const [, network = '', prefix = ''] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
  const version = isIP(network);
  if (version === 0 || Number(prefix) > (version === 6 ? 128 : 32)) return null;
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), version === 6 ? 'ipv6' : 'ipv4');
  return list;
}
