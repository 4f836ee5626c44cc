/**
 * What happened on this host, for its people: numbered from 1 up over restarts, at most 1,000 on disk, of which the last
 * hundred are in memory too. Recording never fails: where the disk cannot be written, that is told once, and what is in
 * memory is written when it can be again.
 */
import type { RecordedEvent } from '../../shared/contracts/control.ts';
import type { HostEvent } from '../../shared/contracts/host-event.ts';
import { EventFile } from './event-file.ts';
import { type Ended, howItEnded, recorded, type Scrub } from './event-lines.ts';

export interface HistoryOptions {
  folder: string;
  /** Of this boot of the host. */
  bootId: string;
  wallMs(): number;
  /** Takes secrets out. */
  scrub: Scrub;
  /** All that is on disk, oldest first. */
  readStored(folder: string): Promise<RecordedEvent[]>;
  log: {
    info(fields: object, message?: string): void;
    warn(fields: object, message?: string): void;
  };
  /** Default: 500. */
  linesPerFile?: number;
}

export interface Reading {
  /** Numbers above this one. */
  after: number;
  limit: number;
  /** How long to wait for one where there is none. */
  waitMs: number;
  /** Whoever asked has gone. */
  signal?: AbortSignal;
}

const IN_MEMORY = 100;

const ENDED: Record<Ended, string> = {
  'first-start': '',
  'as-asked': '; the one before ended as it was asked to',
  unexpectedly: '; the one before ended without having been asked to: it was killed, or failed',
  'with-the-host': '; the one before ended with the host',
};

export class History {
  readonly #options: HistoryOptions;
  readonly #file: EventFile;
  readonly #recent: RecordedEvent[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #ended: Ended;
  #newest = 0;
  /** Number of the last one that is on disk. */
  #written = 0;
  #failing = false;
  #closed = false;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#file = new EventFile(options.folder, options.linesPerFile);
    let lastTurn: ReturnType<EventFile['open']>['lastTurn'] = null;
    try {
      lastTurn = this.#takeUp();
    } catch (err) {
      this.#failed(err);
    }
    this.#ended = howItEnded(lastTurn, options.bootId);
  }

  /** Of the last one; 0: there was none yet. */
  get newest(): number {
    return this.#newest;
  }

  started(version: string, pid: number): void {
    this.record({
      kind: 'daemon-started',
      agentId: '',
      message: `daemon ${version} started${ENDED[this.#ended]}`,
      details: { version, pid: String(pid), before: this.#ended, boot_id: this.#options.bootId },
      lastLines: [],
    });
  }

  record(event: HostEvent): void {
    const { wallMs, scrub } = this.#options;
    this.#recent.push(recorded(event, ++this.#newest, wallMs(), scrub));
    if (this.#recent.length > IN_MEMORY) this.#recent.shift();
    this.#write();
    for (const wake of this.#waiting) wake();
  }

  /** Oldest first; fewer or none when the time is up, the daemon ends, or whoever asked has gone. */
  async read({ after, limit, waitMs, signal }: Reading): Promise<{ events: RecordedEvent[]; newest: number }> {
    if (this.#newest <= after) await this.#wait(after, waitMs, signal);
    // a number from a history that was removed since: told what there is, it can begin anew
    const events = this.#newest <= after ? [] : await this.#after(after);
    return { events: events.slice(0, limit), newest: this.#newest };
  }

  close(): void {
    this.#closed = true;
    for (const wake of this.#waiting) wake();
    this.#write();
    this.#file.close();
  }

  async #after(after: number): Promise<RecordedEvent[]> {
    const { folder, readStored } = this.#options;
    const first = this.#recent[0]?.number ?? this.#newest + 1;
    const recent = (): RecordedEvent[] => this.#recent.filter(({ number }) => number > after);
    if (after + 1 >= first) return recent();
    let stored: RecordedEvent[] = [];
    try {
      stored = await readStored(folder);
    } catch (err) {
      this.#options.log.warn({ event: 'history-not-read', folder, err }, 'older events cannot be read just now');
    }
    const now = recent();
    const before = now[0]?.number ?? Number.POSITIVE_INFINITY;
    return [...stored.filter(({ number }) => number > after && number < before), ...now];
  }

  #wait(after: number, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (waitMs <= 0 || this.#closed || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', finish);
        this.#waiting.delete(wake);
        resolve();
      };
      const wake = (): void => {
        if (this.#closed || this.#newest > after) finish();
      };
      const timer = setTimeout(finish, waitMs);
      signal?.addEventListener('abort', finish, { once: true });
      this.#waiting.add(wake);
    });
  }

  /** Goes on with the numbers of what is on disk; what is not there yet gets those that follow. */
  #takeUp(): ReturnType<EventFile['open']>['lastTurn'] {
    const { last, lastTurn } = this.#file.open();
    const ahead = Math.max(0, (last?.number ?? 0) - this.#written);
    for (const event of this.#recent) if (event.number > this.#written) event.number += ahead;
    this.#newest += ahead;
    this.#written += ahead;
    return lastTurn;
  }

  /** What is not on disk yet, oldest first. */
  #write(): void {
    try {
      if (!this.#file.known) this.#takeUp();
      for (const event of this.#recent) {
        if (event.number <= this.#written) continue;
        this.#file.append(`${JSON.stringify(event)}\n`);
        this.#written = event.number;
      }
    } catch (err) {
      this.#failed(err);
      return;
    }
    if (!this.#failing) return;
    this.#failing = false;
    const { folder, log } = this.#options;
    log.info({ event: 'history-disk-works', folder }, `events are kept in ${folder} again`);
  }

  #failed(err: unknown): void {
    this.#file.close();
    if (this.#failing) return;
    this.#failing = true;
    const { folder, log } = this.#options;
    const message = `events cannot be kept in ${folder}: the last ${IN_MEMORY} stay in memory until the disk can be written`;
    log.warn({ event: 'history-disk-failed', folder, err }, message);
  }
}
