/**
 * One attempt at a download: follows redirects by the rules, asks for the rest of what is there or for the whole, and
 * writes what comes. An `AttemptFailed` may be tried again, and the part goes on from there where it can; any other
 * error is the end. Leaves no connection open.
 */
import type { IncomingMessage } from 'node:http';
import { dirname } from 'node:path';
import type { SecureContext } from 'node:tls';
import type { DownloadInput, TaskContext } from '../../shared/contracts/pool-tasks.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { pause } from '../../shared/lifecycle/retry.ts';
import { getsIdentity, type Hop, nextHop, shownUrl } from '../../shared/packages/source-rules.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { judgeAnswer, type Kept, rangeHeaders, requireRoomFor, requireSize } from './download-answer.ts';
import { AttemptFailed, downloadFailed, networkFailure } from './download-failure.ts';
import { type RateLimit, SpeedWatch } from './download-pace.ts';
import type { Part } from './download-part.ts';
import { ask } from './download-request.ts';
import { requireSpace } from './free-space.ts';

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const MAX_REDIRECTS = 5;
/** Where nobody said how much comes, the room is looked at each time that so much has come. */
const SPACE_CHECK_BYTES = 16 * 1024 * 1024;

/** What the attempts of one download share. */
export interface Download {
  input: DownloadInput;
  first: Hop;
  part: Part;
  /** Which version the part is of, and of which origin; null: it is not to be gone on with. */
  version: { origin: string; etag: string; total: number | null } | null;
  rate: RateLimit;
  clock: Clock;
  context: TaskContext;
  /** Loaded when it is first needed. */
  identity(): Promise<SecureContext>;
  /** In place of the system's CAs, for tests. */
  authorities(): string | string[];
}

/** Where an attempt is, for the message of its failure. */
interface Place {
  hop: Hop;
  answered: boolean;
}

function keptOf({ version, part }: Download, url: URL): Kept | null {
  if (!version || version.origin !== url.origin || part.bytes === 0) return null;
  return { bytes: part.bytes, etag: version.etag, total: version.total };
}

/** The answer that is no redirect. Moves `place` along. */
async function follow(download: Download, place: Place, cut: AbortController): Promise<IncomingMessage> {
  const { input, clock } = download;
  for (let redirects = 0; ; redirects++) {
    const { hop } = place;
    const identity = getsIdentity(hop.url, input.identityHosts) ? await download.identity() : null;
    const late = new Error(`no answer within ${input.speedWindowMs / 1000} s`);
    const cancel = clock.after(input.speedWindowMs, () => cut.abort(late));
    const headers = rangeHeaders(keptOf(download, hop.url));
    const asked = ask(hop, headers, { identity, authorities: download.authorities }, cut.signal);
    const response = await asked.finally(cancel);
    if (!REDIRECTS.includes(response.statusCode ?? 0)) return response;
    response.destroy();
    if (redirects === MAX_REDIRECTS) throw downloadFailed(hop.url, `more than ${MAX_REDIRECTS} redirects`);
    place.hop = nextHop(hop, response.headers.location, input);
  }
}

/** Makes the part ready for the body; returns how much the whole will have, null where nobody said. */
async function prepare(download: Download, url: URL, { statusCode = 0, headers }: IncomingMessage) {
  const { input, part } = download;
  const verdict = judgeAnswer({ status: statusCode, headers }, keptOf(download, url));
  if (verdict.kind === 'refused') throw downloadFailed(url, verdict.reason);
  if (verdict.kind === 'again') {
    if (verdict.anew) download.version = null;
    throw new AttemptFailed(url, verdict.reason, verdict);
  }
  const { from, total, etag } = verdict;
  download.version = etag === '' ? null : { origin: url.origin, etag, total };
  if (total !== null && total > 0) requireSize(total, input, shownUrl(url));
  if (from === 0) await part.empty();
  const toCome = (total ?? input.expectedBytes ?? from) - from;
  await requireSpace(dirname(part.path), toCome, input.reserveBytes, 'the package');
  return total;
}

async function receive(
  download: Download,
  url: URL,
  body: IncomingMessage,
  total: number | null,
  cut: AbortController,
) {
  const { input, part, rate, clock, context } = download;
  const where = shownUrl(url);
  const most = input.rateLimit === 0 ? Number.POSITIVE_INFINITY : input.rateLimit / 2;
  const watch = new SpeedWatch({
    minBytesPerSecond: Math.min(input.minBytesPerSecond, most),
    windowMs: input.speedWindowMs,
    clock,
    tooSlow: (reason) => cut.abort(new Error(reason)),
  });
  const size = total ?? input.expectedBytes;
  let checkAt = part.bytes + SPACE_CHECK_BYTES;
  try {
    watch.waiting();
    for await (const chunk of body as AsyncIterable<Buffer>) {
      watch.came(chunk.length);
      requireRoomFor(part.bytes + chunk.length, input, where);
      if (total !== null && part.bytes + chunk.length > total) {
        download.version = null;
        throw new AttemptFailed(url, `more than ${total} bytes came`);
      }
      if (size === null && part.bytes >= checkAt) {
        checkAt = part.bytes + SPACE_CHECK_BYTES;
        await requireSpace(dirname(part.path), 0, input.reserveBytes, 'the rest of the package');
      }
      await part.append(chunk);
      context.progress({ done: part.bytes, total: size });
      const delayMs = rate.delayMs(chunk.length, clock.nowMs());
      if (delayMs > 0) await pause(delayMs, clock, cut.signal);
      watch.waiting();
    }
  } finally {
    watch.stop();
  }
  if (part.bytes === 0) throw downloadFailed(url, 'it is empty');
  if (total !== null && part.bytes < total) throw new AttemptFailed(url, `only ${part.bytes} of ${total} bytes came`);
  requireSize(part.bytes, input, where);
}

/** Resolves when the part is whole. Rejects with `AttemptFailed`, a `DaemonError`, or the signal's reason. */
export async function attempt(download: Download, signal: AbortSignal): Promise<void> {
  const { input } = download;
  const place: Place = { hop: download.first, answered: false };
  const cut = new AbortController();
  const stop = (): void => cut.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    const response = await follow(download, place, cut);
    place.answered = true;
    const { url } = place.hop;
    const total = await prepare(download, url, response);
    await receive(download, url, response, total, cut);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DaemonError || error instanceof AttemptFailed) throw error;
    const { url } = place.hop;
    if (cut.signal.aborted) throw new AttemptFailed(url, cut.signal.reason.message);
    throw networkFailure(error, { url, answered: place.answered, identity: getsIdentity(url, input.identityHosts) });
  } finally {
    signal.removeEventListener('abort', stop);
    cut.abort(); // closes what is still open
  }
}
