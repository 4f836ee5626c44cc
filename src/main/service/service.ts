/**
 * The daemon as a service of systemd: tells it when it is ready, how it is, and, as long as the schedule really runs,
 * that it is well. One timer of its own, since the schedule is what it watches. Nothing is said twice; what could not
 * be sent is sent again.
 */
import type { Clock } from '../../shared/platform/clock.ts';
import { type NextMessage, nextMessage, nothingTold, type Overdue, type Phase, type Told } from './messages.ts';
import type { NotifySocket } from './notify-socket.ts';

/** What a daemon that runs says of itself. */
export interface Spokesman {
  /** One line. */
  status(): string;
  /** What is latest in the schedule; null where nothing is late. */
  overdue(): Overdue | null;
}

export interface ServiceOptions {
  socket: NotifySocket;
  /** 0: systemd does not watch. */
  watchdogMs: number;
  clock: Pick<Clock, 'nowMs' | 'after'>;
  /** Microseconds of CLOCK_MONOTONIC. */
  monotonicUsec?: () => bigint;
  log: {
    warn(fields: object, message?: string): void;
    error(fields: object, message?: string): void;
  };
}

const STATUS_EVERY_MS = 5000;
/** Where each message is a process. */
const STATUS_EVERY_MS_BY_PROGRAM = 60_000;
const RETRY_MS = 1000;

export class Service {
  readonly #options: ServiceOptions;
  #phase: Phase = 'starting';
  #told: Told;
  #spokesman: Spokesman = { status: () => 'starting', overdue: () => null };
  #reloads = 0;
  #sending = false;
  #cancel: () => void = () => {};
  /** When the timer is due; infinity: there is none. */
  #dueMs = Number.POSITIVE_INFINITY;
  #withheld = false;
  #failed = false;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#told = nothingTold(options.clock.nowMs());
    this.#look();
  }

  /** Agents are taken up, and whoever asks for something is answered. */
  ready(spokesman: Spokesman): void {
    if (this.#phase !== 'starting') return;
    this.#spokesman = spokesman;
    this.#enter('ready');
  }

  /** Says that a configuration is being taken over for as long as that takes. */
  async reloading<T>(work: () => Promise<T>): Promise<T> {
    this.#reloads++;
    if (this.#phase === 'ready') this.#enter('reloading');
    try {
      return await work();
    } finally {
      this.#reloads--;
      if (this.#reloads === 0 && this.#phase === 'reloading') this.#enter('ready');
    }
  }

  /** The status may be another. Cheap: to be called as often as one likes. */
  changed(): void {
    const { clock } = this.#options;
    if (this.#phase === 'starting' || this.#phase === 'stopping') return;
    this.#lookIn(Math.max(0, this.#told.statusMs + this.#statusEveryMs - clock.nowMs()));
  }

  /** The daemon ends: that is said, and nothing after it. */
  stopping(): void {
    this.#spokesman = { status: () => 'ending; agents run on', overdue: () => null };
    this.#enter('stopping');
  }

  get #statusEveryMs(): number {
    return this.#options.socket.cheap ? STATUS_EVERY_MS : STATUS_EVERY_MS_BY_PROGRAM;
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#look();
  }

  #lookIn(ms: number): void {
    const { clock } = this.#options;
    const dueMs = clock.nowMs() + ms;
    if (ms === Number.POSITIVE_INFINITY || dueMs >= this.#dueMs) return;
    this.#cancel();
    this.#dueMs = dueMs;
    this.#cancel = clock.after(ms, () => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#look();
    });
  }

  #look(): void {
    if (this.#sending) return; // looks again once it has been sent
    const { watchdogMs, clock, monotonicUsec = () => process.hrtime.bigint() / 1000n } = this.#options;
    const next = nextMessage(
      {
        phase: this.#phase,
        status: this.#spokesman.status(),
        overdue: this.#spokesman.overdue(),
        watchdogMs,
        statusEveryMs: this.#statusEveryMs,
        nowMs: clock.nowMs(),
        monotonicUsec: monotonicUsec(),
      },
      this.#told,
    );
    this.#tellOfWithheld(next);
    if (next.text === '') this.#lookIn(next.againInMs);
    else void this.#send(next);
  }

  async #send({ text, told }: NextMessage): Promise<void> {
    this.#sending = true;
    let sent = true;
    try {
      await this.#options.socket.send(text);
    } catch (err) {
      sent = false;
      if (!this.#failed) this.#options.log.warn({ event: 'service-notify', err }, 'systemd could not be told');
    }
    this.#failed = !sent;
    this.#sending = false;
    if (sent) this.#told = told;
    // what has changed meanwhile is not told yet
    if (sent) this.#look();
    else this.#lookIn(RETRY_MS);
  }

  /** Once, when it begins and when it is over. */
  #tellOfWithheld({ withheld }: NextMessage): void {
    const { log } = this.#options;
    if ((withheld !== null) === this.#withheld) return;
    this.#withheld = withheld !== null;
    if (withheld) {
      log.error(
        { event: 'watchdog', job: withheld.name, lateMs: Math.round(withheld.lateMs) },
        `${withheld.name} is overdue by ${Math.round(withheld.lateMs / 1000)} s: systemd’s watchdog is not fed`,
      );
    } else log.warn({ event: 'watchdog' }, 'the schedule runs again: systemd’s watchdog is fed');
  }
}
