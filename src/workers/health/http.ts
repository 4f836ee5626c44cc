/**
 * Asks an agent's HTTP endpoint: GET, well with 2xx or 3xx and a whole answer. One time limit holds for everything
 * together, and nothing is left open. The HTTP modules are loaded at the first question: most hosts ask none.
 */
import type { IncomingMessage, RequestOptions } from 'node:http';
import type { HttpFinding, HttpTarget } from '../../shared/contracts/health.ts';
import { monotonicMs } from '../collect/context.ts';

/** No more of a body is read: the head says how the agent is. */
const MAX_BODY_BYTES = 64 * 1024;
const MAX_REDIRECTS = 3;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

const HEADERS = {
  accept: '*/*',
  // a long page fits into the limit that way: cut off, some exporters log an error at each check
  'accept-encoding': 'gzip',
  connection: 'close',
  'user-agent': 'host-daemon-health',
};

interface Answer {
  status: number;
  /** Where a redirect leads; null for any other answer, and for one that leads nowhere. */
  location: URL | null;
  whole: boolean;
}

/**
 * In words, by the system's code. None says "connection" or "timeout": reasons travel in answers to the Manager,
 * which takes these words for a failure of the link and stops calling.
 */
const REASONS: Record<string, string> = {
  ECONNREFUSED: 'refused: nothing listens there',
  ECONNRESET: 'closed without an answer',
  EPIPE: 'closed without an answer',
  ETIMEDOUT: 'no answer from the network',
  ERR_SOCKET_CONNECTION_TIMEOUT: 'no answer from the network',
  EHOSTUNREACH: 'no way to the host',
  ENETUNREACH: 'no way to the host',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  CERT_HAS_EXPIRED: 'its certificate has expired',
};

/** What a failed question means, for a person. */
export function failureReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = REASONS[code];
  if (known !== undefined) return known;
  if (code.startsWith('HPE_')) return `not an HTTP answer (${code})`;
  if (/CERT|SIGNATURE|ISSUER|SELF_SIGNED/.test(code)) return `its certificate is not trusted (${code})`;
  if (/^(ERR_SSL|ERR_TLS|EPROTO)/.test(code)) return `no TLS with it (${code})`;
  return code ? `failed (${code})` : 'failed';
}

function locationOf({ statusCode, headers }: IncomingMessage, from: URL): URL | null {
  if (!REDIRECTS.includes(statusCode ?? 0) || headers.location === undefined) return null;
  return URL.canParse(headers.location, from.href) ? new URL(headers.location, from) : null;
}

async function ask(url: URL, signal: AbortSignal): Promise<Answer> {
  const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    // an agent of its own for each: no socket is kept
    const options: RequestOptions = { agent: false, headers: HEADERS, signal };
    let failed: (error: Error) => void = reject;
    const asked = request(url, options, (response) => {
      const location = locationOf(response, url);
      const done = (whole: boolean): void => {
        resolve({ status: response.statusCode ?? 0, location, whole });
        asked.destroy();
      };
      failed = () => done(false); // broken off by the agent, or by the limit
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes >= MAX_BODY_BYTES) done(true);
      });
      response.on('end', () => done(true));
      response.on('error', failed);
      if (location) done(true);
    });
    asked.on('error', (error) => failed(error)); // stays: what comes after the end is nobody's
    asked.end();
  });
}

type Outcome = Omit<HttpFinding, 'durationMs'>;

function judge(answer: Answer, limit: AbortSignal, withinText: string): Outcome {
  const { status, whole } = answer;
  if (status < 200 || status > 399) return { ok: false, status, reason: `status ${status}` };
  if (whole) return { ok: true, status, reason: '' };
  const what = limit.aborted ? `did not end ${withinText}` : 'broke off';
  return { ok: false, status, reason: `status ${status}, but the answer ${what}` };
}

/** Follows redirects within the host; one that leads elsewhere is the answer. */
async function follow(url: URL, limit: AbortSignal, withinText: string): Promise<Outcome> {
  for (let redirects = 0, at = url; ; redirects++) {
    const answer = await ask(at, limit);
    const { location, status } = answer;
    if (!location) return judge(answer, limit, withinText);
    if (location.hostname !== url.hostname || !/^https?:$/.test(location.protocol)) {
      return { ok: true, status, reason: `leads to ${location.protocol}//${location.host}, which is not followed` };
    }
    if (redirects === MAX_REDIRECTS) return { ok: false, status, reason: `more than ${MAX_REDIRECTS} redirects` };
    at = location;
  }
}

/** Never rejects; settles within the time limit. */
export async function askEndpoint(target: HttpTarget, nowMs: () => number = monotonicMs): Promise<HttpFinding> {
  const startedMs = nowMs();
  const withinText = `within ${target.timeoutMs / 1000} s`;
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), target.timeoutMs);
  let outcome: Outcome;
  try {
    outcome = await follow(new URL(target.url), limit.signal, withinText);
  } catch (error) {
    const reason = limit.signal.aborted ? `no answer ${withinText}` : failureReason(error);
    outcome = { ok: false, status: null, reason };
  } finally {
    clearTimeout(timer);
  }
  return { ...outcome, durationMs: nowMs() - startedMs };
}
