/**
 * What happened on the host, numbered over restarts from 1 up and kept on disk until the Manager has it; at most so many,
 * the oldest go first, which shows as a gap in the numbers. What was taken is given again only after a crash.
 */
import type { HostEvent } from '../../../shared/contracts/host-event.ts';
import { Event } from '../../../shared/gen/daemon.ts';
import { boundedEvent } from './event-text.ts';
import type { Surroundings } from './surroundings.ts';
import { WaitingLog } from './waiting-log.ts';

export interface EventLogOptions extends Surroundings {
  /** Default: 1000. */
  maxEntries?: number;
}

const MAX_ENTRIES = 1000;
const MEMORY_BYTES = 512 * 1024;
const DISK_BYTES = 8 * 1024 * 1024;
const CALL = { entries: 50, bytes: 256 * 1024 };

export class EventLog {
  readonly #options: EventLogOptions;
  readonly #waiting: WaitingLog;
  #bounding = false;

  private constructor(options: EventLogOptions, waiting: WaitingLog) {
    this.#options = options;
    this.#waiting = waiting;
  }

  /** Never fails: a folder that cannot be used counts as a disk that cannot be written. */
  static async open(options: EventLogOptions): Promise<EventLog> {
    const waiting = await WaitingLog.open({
      ...options,
      what: 'events',
      memoryBytes: MEMORY_BYTES,
      fixedIndices: true, // they are the numbers that the Manager is told
      limits: () => ({ maxBytes: DISK_BYTES, oldestMs: 0 }),
      onLost: (_, count) => tellLost(options, count),
      onEntry: () => {},
    });
    return new EventLog(options, waiting);
  }

  /** Returns its number. Never throws; texts are cut. */
  add(event: HostEvent): number {
    const wallMs = Math.max(0, this.#options.clock.wallMs());
    const { buffer, byteOffset, length } = Event.encode(boundedEvent(event, Math.floor(wallMs / 1000))).finish();
    const number = this.#waiting.add(Buffer.from(buffer, byteOffset, length), wallMs);
    const { maxEntries = MAX_ENTRIES } = this.#options;
    if (this.#waiting.waiting > maxEntries && !this.#bounding) {
      this.#bounding = true;
      void this.#bound(maxEntries);
    }
    return number;
  }

  /** The oldest that are not taken, at most 50 and 256 KiB. On disk before they are given, where it can be written. */
  async next(): Promise<Event[]> {
    await this.#waiting.flush(); // so that no number is given to another event after a crash
    try {
      const entries = await this.#waiting.read({ ...CALL, bytes: Math.min(CALL.bytes, this.#waiting.room) });
      return entries.flatMap(({ index, payload }) => this.#decoded(index, payload));
    } catch (err) {
      this.#options.log.warn({ event: 'queue-not-read', err }, 'the events that wait cannot be read just now');
      return [];
    } finally {
      this.#waiting.release();
    }
  }

  /** Up to and with this number. Never rejects. */
  async taken(number: number): Promise<void> {
    const to = Math.min(number + 1, this.#waiting.next);
    await this.#waiting.mark((marks) => ({ ...marks, head: Math.max(marks.head, to) }), false);
  }

  get waiting(): number {
    return this.#waiting.waiting;
  }

  async close(): Promise<void> {
    await this.#waiting.close();
  }

  async #bound(maxEntries: number): Promise<void> {
    let before = 0;
    await this.#waiting.mark((marks) => {
      this.#bounding = false;
      before = this.#waiting.waiting;
      return { ...marks, head: Math.max(marks.head, this.#waiting.next - maxEntries) };
    }, false);
    tellLost(this.#options, before - Math.min(before, maxEntries));
  }

  #decoded(index: number, payload: Buffer): Event[] {
    try {
      return [{ ...Event.decode(payload), number: index }];
    } catch (err) {
      this.#options.log.warn({ event: 'queue-damaged', index, err }, 'an entry that is no event was left out');
      return [];
    }
  }
}

function tellLost({ log, folder }: EventLogOptions, count: number): void {
  const message = 'events that the Manager never took were given up, the oldest first';
  if (count > 0) log.debug({ event: 'events-given-up', folder, count }, message);
}
