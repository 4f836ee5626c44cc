/**
 * Whether a package may be fetched from a URL, and what may be told to the host there. Pure. Redirects go through the
 * same rules, so that a trusted host cannot send us to another one. No message shows a URL's credentials or query.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { DaemonError } from '../errors/daemon-error.ts';

export interface SourceRules {
  /** `HOST`, IPv6 without brackets. */
  trustedHosts: readonly string[];
  /** http:// is taken where the host is a loopback address. */
  allowHttpLoopback: boolean;
}

/** One stop on the way to a package. */
export interface Hop {
  /** Without credentials, fragment, and a dot at the end of the host: what was checked is what is asked. */
  url: URL;
  /** The Authorization header for this stop; null: none. */
  authorization: string | null;
}

const LONGEST_SHOWN = 300;

/** One spelling for each host: lower case, no brackets, no trailing dot; IPv6 shortened, other scripts in ASCII. */
export function normalHost(host: string): string {
  const bare = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  const inUrl = `http://${isIPv6(bare) ? `[${bare}]` : bare}`;
  const hostname = URL.canParse(inUrl) ? new URL(inUrl).hostname : bare;
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

/** 127.0.0.0/8, ::1 and localhost. */
export function isLoopbackHost(host: string): boolean {
  const normal = normalHost(host);
  return normal === 'localhost' || normal === '::1' || (isIPv4(normal) && normal.startsWith('127.'));
}

/** For a person: without credentials, query and fragment. Of a URL that names no host only the scheme. */
export function shownUrl({ protocol, host, pathname }: URL): string {
  const shown = host === '' ? protocol : `${protocol}//${host}${pathname}`;
  return shown.length > LONGEST_SHOWN ? `${shown.slice(0, LONGEST_SHOWN)}…` : shown;
}

/** Whether the client certificate is shown to this host, and the host checked against the CA of our own. */
export function getsIdentity(url: URL, identityHosts: readonly string[]): boolean {
  const host = normalHost(url.hostname);
  return url.protocol === 'https:' && identityHosts.some((known) => normalHost(known) === host);
}

function refusal(why: string, cause?: unknown): DaemonError {
  return new DaemonError('D4002', `${why} (check: source)`, { cause });
}

/** Throws D4002 (check: source). */
function requireTrusted(url: URL, { trustedHosts, allowHttpLoopback }: SourceRules): void {
  const shown = shownUrl(url);
  if (url.protocol !== 'https:') {
    const loopback = url.protocol === 'http:' && isLoopbackHost(url.hostname);
    if (!loopback) throw refusal(`a package is not taken from ${shown}: only https:// is`);
    if (!allowHttpLoopback) {
      throw refusal(`a package is not taken from ${shown}: http:// needs update.allow_http_loopback`);
    }
  }
  const host = normalHost(url.hostname);
  if (!trustedHosts.some((trusted) => normalHost(trusted) === host)) {
    throw refusal(
      `a package is not taken from ${shown}: add ${host} to update.trusted_hosts if it may come from there`,
    );
  }
}

/** Escapes undone, where they are ones: a lone percent sign is itself. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // not escaped then, and sent as it was written
  }
}

function bareUrl(parsed: URL): URL {
  const url = new URL(parsed);
  url.username = '';
  url.password = '';
  url.hash = '';
  url.hostname = url.hostname.replace(/\.$/, '');
  return url;
}

/** Throws D4002 (check: source). */
export function firstHop(address: string, rules: SourceRules): Hop {
  // what cannot be read is not shown: nobody can tell where its credentials end
  if (!URL.canParse(address)) throw refusal('the URL of a package is malformed');
  const url = new URL(address);
  requireTrusted(url, rules);
  const { username, password } = url;
  if (username === '' && password === '') return { url: bareUrl(url), authorization: null };
  const pair = Buffer.from(`${unescaped(username)}:${unescaped(password)}`);
  return { url: bareUrl(url), authorization: `Basic ${pair.toString('base64')}` };
}

/**
 * Where a redirect leads. Credentials go on within their origin only: once left, they do not come back, and what the
 * redirect itself names as credentials is not used. Throws D4001 where it leads nowhere, D4002 (check: source) where
 * it must not be followed.
 */
export function nextHop(from: Hop, location: string | undefined, rules: SourceRules): Hop {
  if (location === undefined || location === '' || !URL.canParse(location, from.url.href)) {
    const what = location ? 'malformed' : 'missing';
    throw new DaemonError('D4001', `${shownUrl(from.url)} redirects, but where to is ${what}`);
  }
  const url = new URL(location, from.url);
  try {
    requireTrusted(url, rules);
  } catch (cause) {
    throw refusal(`${shownUrl(from.url)} redirects to where no package is taken from`, cause);
  }
  const bare = bareUrl(url);
  return { url: bare, authorization: bare.origin === from.url.origin ? from.authorization : null };
}
