/**
 * What the page and the metrics show, asked of those who know. Everything is asked for anew each time, but never
 * loads a part of the daemon for it: updates are asked about only while there are some.
 */
import type { Config } from '../../shared/config/schema.ts';
import type { ControlHandlers, RecordedEvent } from '../../shared/contracts/control.ts';
import type { Sample } from '../../shared/contracts/metrics.ts';
import type { ShownAgent, StatusPageView } from '../../shared/contracts/status-page.ts';
import { agentFamilies } from './agent-families.ts';
import { daemonFamilies } from './daemon-families.ts';
import { type Family, renderFamilies } from './exposition.ts';
import type { History } from './history.ts';
import { hostFamilies } from './host-families.ts';

/** The very functions that answer the control socket. */
export type StatusSources = Pick<
  ControlHandlers,
  'status' | 'agents' | 'health' | 'events' | 'metrics' | 'link' | 'updateStatus'
>;

const SHOWN_EVENTS = 50;
/** Figures count as old after three intervals, and what a slow run may take. */
const MISSED_RUNS = 3;
const SLACK_MS = 30_000;

export class Gatherer {
  readonly #sources: StatusSources;
  readonly #config: () => Config;
  readonly #history: History;
  #shown: RecordedEvent[] = [];

  constructor(sources: StatusSources, config: () => Config, history: History) {
    this.#sources = sources;
    this.#config = config;
    this.#history = history;
  }

  async view(nowMs: number): Promise<StatusPageView> {
    const { status, metrics, link, updateStatus } = this.#sources;
    const [present, agents, events, collected, linkView] = await Promise.all([
      status({}),
      this.#agents(),
      this.#events(),
      metrics({ fresh: false }),
      link({}),
    ]);
    return {
      nowMs,
      status: present,
      link: linkView,
      agents,
      // details are for those who may use the control socket
      events: events.map(({ details: _, ...event }) => event).reverse(),
      updates: present.updatesUnderWay > 0 ? (await updateStatus({})).underWay : [],
      metrics: collected,
      history: this.#history.view(nowMs),
    };
  }

  /** In the text format of Prometheus. Figures that are too old are absent. */
  async exposition(nowMs: number): Promise<string> {
    const { status, metrics, link } = this.#sources;
    const [present, agents, { samples }, linkView, newestEvent] = await Promise.all([
      status({}),
      this.#agents(),
      metrics({ fresh: false }),
      link({}),
      this.#newestEvent(),
    ]);
    const isFresh = (atMs: number, intervalMs: number): boolean =>
      Math.abs(nowMs - atMs) <= MISSED_RUNS * intervalMs + SLACK_MS;
    const intervals = this.#agentIntervals();
    const { user, system } = process.cpuUsage();
    const families: Family[] = [
      ...daemonFamilies({
        status: present,
        link: linkView,
        samples,
        newestEvent,
        nodeVersion: process.versions.node,
        cpuSeconds: (user + system) / 1e6,
      }),
      ...hostFamilies(samples.filter((sample) => isFresh(sample.timestampMs, this.#interval(sample)))),
      ...agentFamilies(agents, (id, atMs) => isFresh(atMs, intervals.get(id) ?? 0)),
    ];
    return renderFamilies(families);
  }

  async #agents(): Promise<ShownAgent[]> {
    const agents = await this.#sources.agents({});
    return Promise.all(
      agents.map(async (agent) => {
        // an agent may have gone meanwhile: that is no reason to show nothing at all
        const found = await this.#sources.health({ agentId: agent.id, fresh: false }).catch(() => null);
        return { ...agent, checks: found?.checks ?? [] };
      }),
    );
  }

  async #newestEvent(): Promise<number> {
    // after the last of all numbers there is nothing, so that nothing is read for it
    const { newest } = await this.#sources.events({ after: Number.MAX_SAFE_INTEGER, limit: 1, waitMs: 0 });
    return newest;
  }

  /** The newest, oldest first. Those that are known are not asked for again: older ones lie on disk. */
  async #events(): Promise<RecordedEvent[]> {
    const newest = await this.#newestEvent();
    const known = this.#shown.at(-1)?.number ?? 0;
    if (newest < known || newest - known > SHOWN_EVENTS) this.#shown = [];
    const after = this.#shown.length > 0 ? known : Math.max(0, newest - SHOWN_EVENTS);
    if (newest > after) {
      const { events } = await this.#sources.events({ after, limit: SHOWN_EVENTS, waitMs: 0 });
      this.#shown = [...this.#shown, ...events].slice(-SHOWN_EVENTS);
    }
    return this.#shown;
  }

  #interval({ collector }: Sample): number {
    const { plugins, ...builtIn } = this.#config().collectors;
    const named: Record<string, { intervalMs: number }> = { ...plugins, ...builtIn };
    return named[collector]?.intervalMs ?? 0;
  }

  #agentIntervals(): Map<string, number> {
    return new Map(this.#config().agents.map(({ id, healthCheck }) => [id, healthCheck.intervalMs]));
  }
}
