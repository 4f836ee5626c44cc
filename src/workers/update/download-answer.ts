/**
 * What the head of a host's answer means for a download: where its body belongs, that it is worth another attempt, or
 * that it is not. Pure. Whether the size is one that is wanted is judged here too.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { DownloadInput } from '../../shared/contracts/pool-tasks.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';

/** What is known of the part that is there already; a new one is worth nothing without a strong ETag. */
export interface Kept {
  /** Bytes of it; more than 0. */
  bytes: number;
  /** A strong one. */
  etag: string;
  /** Of the whole; null where nobody said. */
  total: number | null;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
}

export type Verdict =
  /** The body belongs at `from`; an ETag that is not strong comes as an empty one. */
  | { kind: 'body'; from: number; total: number | null; etag: string }
  /** `anew`: the part that is there does not belong to it. */
  | { kind: 'again'; reason: string; waitMs: number; anew: boolean }
  | { kind: 'refused'; reason: string };

/** RFC 9110, 8.8.3, ASCII only: it is sent back. */
const STRONG_ETAG = /^"[\x21\x23-\x7e]*"$/;
const CONTENT_RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/;
const WAIT_STATUS: readonly number[] = [408, 425, 429];

const strongEtag = ({ etag = '' }: IncomingHttpHeaders): string => (STRONG_ETAG.test(etag) ? etag : '');

/** RFC 9110, 14: what asks for the rest, or else for the whole if it has changed. */
export function rangeHeaders(kept: Kept | null): Record<string, string> {
  return kept ? { range: `bytes=${kept.bytes}-`, 'if-range': kept.etag } : {};
}

function judgeRest(headers: IncomingHttpHeaders, kept: Kept | null): Verdict {
  const anew = (reason: string): Verdict => ({ kind: 'again', reason, waitMs: 0, anew: true });
  if (!kept) return { kind: 'refused', reason: 'it answers with a part, though the whole was asked for' };
  const range = CONTENT_RANGE.exec(headers['content-range'] ?? '');
  const [from, last, total] = [Number(range?.[1]), Number(range?.[2]), Number(range?.[3])];
  if (from !== kept.bytes || last < from || last >= total) return anew('it answers with another range');
  if (kept.total !== null && total !== kept.total) return anew('the size of the package has changed');
  if (headers.etag !== undefined && headers.etag !== kept.etag) return anew('the package has changed');
  return { kind: 'body', from, total, etag: kept.etag };
}

function judgeBody({ status, headers }: Answer, kept: Kept | null): Verdict {
  const { 'content-encoding': content = 'identity', 'transfer-encoding': transfer = 'chunked' } = headers;
  if (content.toLowerCase() !== 'identity' || transfer.toLowerCase() !== 'chunked') {
    return { kind: 'refused', reason: 'its answer is encoded, though that was not asked for' };
  }
  if (status === 206) return judgeRest(headers, kept);
  const length = headers['content-length'];
  return { kind: 'body', from: 0, total: length === undefined ? null : Number(length), etag: strongEtag(headers) };
}

/** `kept`: what the rest was asked of; null: the whole was asked for. Redirects are somebody else's. */
export function judgeAnswer(answer: Answer, kept: Kept | null): Verdict {
  const { status, headers } = answer;
  if (status === 200 || status === 206) return judgeBody(answer, kept);
  const reason = `it answers with status ${status}`;
  if (status === 416 && kept) return { kind: 'again', reason, waitMs: 0, anew: true };
  if (status < 500 && !WAIT_STATUS.includes(status)) return { kind: 'refused', reason };
  const retryAfter = headers['retry-after'] ?? '';
  return { kind: 'again', reason, waitMs: /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1000 : 0, anew: false };
}

type Sizes = Pick<DownloadInput, 'maxBytes' | 'expectedBytes'>;

/** The refusal of a package of that size. `where` begins its message. */
function refused(where: string, is: string, wanted: string): DaemonError {
  return new DaemonError('D4002', `${where}: the package ${is}, ${wanted} (check: size)`);
}

/** Throws D4002 (check: size) unless a package of so many bytes is wanted. */
export function requireSize(bytes: number, { maxBytes, expectedBytes }: Sizes, where: string): void {
  if (bytes > maxBytes) throw refused(where, `has ${bytes} bytes`, `update.max_size allows ${maxBytes}`);
  if (expectedBytes !== null && bytes !== expectedBytes) {
    throw refused(where, `has ${bytes} bytes`, `its manifest says ${expectedBytes}`);
  }
}

/** The same while it comes: throws as soon as there are too many bytes, whatever was said before. */
export function requireRoomFor(bytes: number, { maxBytes, expectedBytes }: Sizes, where: string): void {
  if (bytes > maxBytes) throw refused(where, 'does not end in time', `update.max_size allows ${maxBytes} bytes`);
  if (expectedBytes !== null && bytes > expectedBytes) {
    throw refused(where, 'goes on', `its manifest says ${expectedBytes} bytes`);
  }
}
