/**
 * Events and results of updates over one stream: a batch at a time, the next one when the Manager has taken all of it.
 * What it did not take stays with its source and is sent again on the next stream.
 */
import type { UpdateResult } from '../../../shared/contracts/update.ts';
import { Event } from '../../../shared/gen/daemon.ts';
import { type Events, FromDaemon, type Taken } from '../../../shared/gen/link.ts';
import { wireResult } from '../agent-states.ts';
import type { EventSource, LinkLog } from '../session.ts';
import { afterTaken, NOTHING_SENT, type Progress } from './taken.ts';

export interface EventsFeedOptions {
  events: EventSource;
  /** Results of updates that the Manager has not taken yet, oldest first. */
  updateResults(): UpdateResult[];
  /** It has taken them up to this number. */
  onResultsTaken(number: number): void;
  send(bytes: Uint8Array): void;
  log: LinkLog;
}

/** Of the events in a batch; one that is larger goes alone. */
const BATCH_BYTES = 1024 * 1024;

/** The oldest ones that go together. Pure. */
export function batchOf(events: readonly Event[]): Event[] {
  let bytes = 0;
  const end = events.findIndex((event) => {
    bytes += Event.encode(event).finish().length;
    return bytes > BATCH_BYTES;
  });
  return end === -1 ? [...events] : events.slice(0, Math.max(1, end));
}

export class EventsFeed {
  readonly #options: EventsFeedOptions;
  #progress: { events: Progress; updates: Progress } = { events: NOTHING_SENT, updates: NOTHING_SENT };
  #looking = false;
  #lookAgain = false;
  #ended = false;

  constructor(options: EventsFeedOptions) {
    this.#options = options;
  }

  /** Sends what waits, unless a batch is under way: then when that was taken. Never rejects. */
  async more(): Promise<void> {
    this.#lookAgain = true;
    if (this.#looking) return;
    this.#looking = true;
    try {
      while (this.#lookAgain && !this.#ended && !this.#underWay) {
        this.#lookAgain = false;
        await this.#sendNext();
      }
    } catch (err) {
      const { log } = this.#options;
      log.warn({ event: 'stream-events', err }, 'events could not be read: they are sent with the next ones');
    } finally {
      this.#looking = false;
    }
  }

  /** Never rejects. */
  async taken({ eventNumber, updateNumber }: Taken): Promise<void> {
    const { events, onResultsTaken, log } = this.#options;
    const ofEvents = afterTaken(this.#progress.events, eventNumber);
    const ofUpdates = afterTaken(this.#progress.updates, updateNumber);
    if (!ofEvents || !ofUpdates) {
      const numbers = { eventNumber, updateNumber };
      log.debug({ event: 'stream-taken-ignored', ...numbers }, 'the Manager took what it was never sent, or gave back');
      return;
    }
    const before = this.#progress;
    this.#progress = { events: ofEvents, updates: ofUpdates };
    if (ofUpdates.taken > before.updates.taken) onResultsTaken(ofUpdates.taken);
    try {
      if (ofEvents.taken > before.events.taken) await events.taken(ofEvents.taken);
    } catch (err) {
      // noted with the next ones, or sent again on the next stream; at once it would go round for as long as it fails
      log.warn({ event: 'stream-events', err }, 'that the Manager has taken events could not be noted');
      return;
    }
    await this.more();
  }

  /** Sends nothing more. */
  end(): void {
    this.#ended = true;
  }

  get #underWay(): boolean {
    const { events, updates } = this.#progress;
    return events.taken < events.sent || updates.taken < updates.sent;
  }

  async #sendNext(): Promise<void> {
    const { updateResults, send } = this.#options;
    const events = batchOf(await this.#untaken());
    const results = updateResults().filter(({ number }) => number > this.#progress.updates.taken);
    if (this.#ended || (events.length === 0 && results.length === 0)) return;
    const { events: ofEvents, updates: ofUpdates } = this.#progress;
    this.#progress = {
      events: { ...ofEvents, sent: events.at(-1)?.number ?? ofEvents.sent },
      updates: { ...ofUpdates, sent: results.at(-1)?.number ?? ofUpdates.sent },
    };
    const batch: Events = { events, updateResults: results.map(wireResult) };
    send(FromDaemon.encode({ events: batch }).finish());
  }

  /** What could not be noted as taken before is noted now: it is not sent twice on one stream. */
  async #untaken(): Promise<Event[]> {
    const { events } = this.#options;
    const { taken } = this.#progress.events;
    const waiting = await events.next();
    if ((waiting[0]?.number ?? Number.POSITIVE_INFINITY) > taken) return waiting;
    await events.taken(taken);
    return (await events.next()).filter(({ number }) => number > taken);
  }
}
