/**
 * Which requests the status page answers. Pure. Every page that a browser of this host opens can send requests here,
 * also under a name of its own that it has pointed at loopback (DNS rebinding): so only names of loopback count.
 */

export interface RequestFacts {
  method: string;
  /** As it came: `/metrics?x=1`. */
  target: string;
  /** Each `Host` header that came. */
  hosts: readonly string[];
  /** Whether a body is announced, of whatever size but nothing. */
  hasBody: boolean;
}

export type Verdict = { path: string } | { status: number; message: string; headers?: Record<string, string> };

const HTTP_PORT = 80;

/** `address`: ADDRESS:PORT, as it is listened on. */
export function judge({ method, target, hosts, hasBody }: RequestFacts, address: string): Verdict {
  const [, own = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
  const names = [...new Set(['localhost', '127.0.0.1', '[::1]', own])];
  const allowed = names.flatMap((name) => [`${name}:${port}`, ...(Number(port) === HTTP_PORT ? [name] : [])]);
  const [host = ''] = hosts;
  if (hosts.length !== 1 || !allowed.includes(host.toLowerCase())) {
    return {
      status: 421,
      message: `only requests to ${names.map((name) => `${name}:${port}`).join(', ')} are answered`,
    };
  }
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 405, message: 'there is nothing here but to read', headers: { allow: 'GET, HEAD' } };
  }
  if (hasBody) return { status: 413, message: 'a request has no body here' };
  // a whole URL is how a proxy is asked
  if (!target.startsWith('/')) return { status: 400, message: 'the request names no path' };
  return { path: target.split('?', 1)[0] ?? '/' };
}
