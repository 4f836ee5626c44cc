/**
 * Fetches a package into a new file, from trusted hosts only, within its limits of size, speed and time; broken
 * connections are taken up again where they broke. Whether it is the right package is for others to check. On any
 * failure nothing of it stays.
 */
import { dirname } from 'node:path';
import type { SecureContext } from 'node:tls';
import type { DownloadInput, DownloadOutput, TaskContext } from '../../shared/contracts/pool-tasks.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { GaveUp, retry } from '../../shared/lifecycle/retry.ts';
import { firstHop, shownUrl } from '../../shared/packages/source-rules.ts';
import { type Clock, systemClock } from '../../shared/platform/clock.ts';
import { systemAuthorities } from './authorities.ts';
import { requireSize } from './download-answer.ts';
import { attempt, type Download } from './download-attempt.ts';
import { AttemptFailed } from './download-failure.ts';
import { RateLimit } from './download-pace.ts';
import { Part } from './download-part.ts';
import { loadIdentity } from './download-request.ts';
import { requireSpace } from './free-space.ts';

export interface DownloadDeps {
  clock?: Clock;
  random?: () => number;
  /** PEM, in place of the system's CAs. */
  ca?: string;
}

/** Ends what it waits for with D4001 when the time is up. */
class Deadline {
  readonly #abort = new AbortController();
  readonly #cancel: () => void;
  /** The failure that is being got over; for the message. */
  last: AttemptFailed | null = null;

  constructor({ timeoutMs }: DownloadInput, shown: string, clock: Clock) {
    this.#cancel = clock.after(timeoutMs, () => {
      const message = `the package could not be downloaded: ${shown}: not done within ${timeoutMs / 1000} s`;
      this.#abort.abort(new DaemonError('D4001', message, { cause: this.last ?? undefined, retryable: true }));
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  stop(): void {
    this.#cancel();
  }
}

/** Returns how many attempts failed before one did not. */
async function persist(download: Download, deadline: Deadline, random: () => number): Promise<number> {
  const { max: maxRetries, ...limits } = download.input.retries;
  let failed = 0;
  try {
    await retry({ ...limits, maxRetries }, (signal) => attempt(download, signal), {
      signal: deadline.signal,
      clock: download.clock,
      random,
      isFinal: (error) => !(error instanceof AttemptFailed),
      askedMs: (error) => (error instanceof AttemptFailed ? error.waitMs : 0),
      onRetry: ({ error, failures }) => {
        failed = failures;
        if (error instanceof AttemptFailed) deadline.last = error;
      },
    });
    return failed;
  } catch (error) {
    if (!(error instanceof GaveUp && error.cause instanceof AttemptFailed)) throw error;
    const { message, cause } = error.cause;
    const what = `the package could not be downloaded, given up at attempt ${error.attempts}: ${message}`;
    throw new DaemonError('D4001', what, { cause, retryable: true });
  }
}

/** Throws D4001; D4002 (check: source, size); D4003 where the disk has no room or fails. */
export async function downloadPackage(
  input: DownloadInput,
  context: TaskContext,
  { clock = systemClock, random = Math.random, ca }: DownloadDeps = {},
): Promise<DownloadOutput> {
  const { to, expectedBytes, reserveBytes } = input;
  const first = firstHop(input.url, input);
  if (expectedBytes !== null) {
    requireSize(expectedBytes, input, shownUrl(first.url));
    await requireSpace(dirname(to), expectedBytes, reserveBytes, 'the package');
  }
  const deadline = new Deadline(input, shownUrl(first.url), clock);
  try {
    const part = await Part.create(to);
    try {
      let identity: Promise<SecureContext> | undefined;
      const loaded = (): Promise<SecureContext> => {
        identity ??= loadIdentity(input.tls);
        return identity;
      };
      const authorities = (): string | string[] => ca ?? systemAuthorities(process.env['DAEMON_EXTRA_CA_CERTS'] ?? '');
      const rate = new RateLimit(input.rateLimit);
      const download = { input, first, part, version: null, rate, clock, context, identity: loaded, authorities };
      const retries = await persist(download, deadline, random);
      await part.finish();
      return { bytes: part.bytes, retries };
    } catch (error) {
      await part.discard();
      throw error;
    }
  } finally {
    deadline.stop();
  }
}
