/**
 * What a Manager had of a daemon in a window, and whether that is the work of a daemon at rest: heartbeats, reports of
 * each collector, and agents that are the same, run and are heard of. Pure.
 */
import type {
  HeartbeatEvent,
  ReportEvent,
  ReportedState,
  StatesEvent,
} from '../src/shared/contracts/manager-events.ts';
import { COLLECTORS } from './collectors.ts';

type Collector = (typeof COLLECTORS)[number];

/** As shipped: of heartbeats and collectors, and of agents' states, which nothing changes. */
const INTERVAL_MS = 60_000;
const STATES_INTERVAL_MS = 30_000;
/** In a long window, one in so many intervals: some are drawn a tenth longer, and those that follow come later. */
const DRIFT = 50;
/** As shipped: an agent that was not heard of for so long is ill. */
const SILENT_SECONDS = 90;

/** What was accepted in the window. */
export interface Work {
  heartbeats: number;
  reports: Record<Collector, number>;
  /** Of all agents' states. */
  states: number;
  /** What was told of agents that were not as at the window's start, once each: `agent-1 is restarting`. */
  agentFaults: string[];
}

/** Takes the Manager's lines, of which those of one window count. */
export class WorkTally {
  #agents: readonly ReportedState[] = [];
  /** As they were at the window's start. */
  #expected: readonly ReportedState[] = [];
  #work: Work = nothing();

  /** As they were told last. */
  get agents(): readonly ReportedState[] {
    return this.#agents;
  }

  take(line: string): void {
    const event = parsed(line);
    if (!event?.accepted) return;
    if (event.event === 'heartbeat') this.#work.heartbeats++;
    else if (event.event === 'report') {
      const types = new Set(event.metrics.map(({ type }) => type));
      for (const name of COLLECTORS) if (types.has(name)) this.#work.reports[name]++;
    } else {
      this.#agents = event.states;
      this.#work.states++;
      const faults = this.#expected.flatMap((agent) => agentFaults(agent, event));
      this.#work.agentFaults = [...new Set([...this.#work.agentFaults, ...faults])];
    }
  }

  /** Begins a window: what came before it does not count, and agents are to stay as they are. */
  begin(): void {
    this.#expected = this.#agents;
    this.#work = nothing();
  }

  end(): Work {
    this.#expected = [];
    return this.#work;
  }
}

const nothing = (): Work => {
  return { heartbeats: 0, reports: { cpu: 0, memory: 0, disk: 0, network: 0 }, states: 0, agentFaults: [] };
};

/** null for a line that is none of these. */
function parsed(line: string): HeartbeatEvent | ReportEvent | StatesEvent | null {
  if (!/^\{"event":"(heartbeat|report|states)"/.test(line)) return null;
  return JSON.parse(line) as HeartbeatEvent | ReportEvent | StatesEvent;
}

function agentFaults(expected: ReportedState, { states, receivedAtMs }: StatesEvent): string[] {
  const { agentId } = expected;
  const now = states.find((state) => state.agentId === agentId);
  if (!now) return [`${agentId} is no longer told of`];
  if (now.status !== 'running') return [`${agentId} is ${now.status}${now.reason ? `: ${now.reason}` : ''}`];
  const isSame = now.pid === expected.pid && now.startTime === expected.startTime;
  if (!isSame || now.restartCount !== expected.restartCount) return [`${agentId} was started anew`];
  const isSilent = receivedAtMs / 1000 - now.lastHeartbeat > SILENT_SECONDS;
  return isSilent ? [`${agentId} was not heard of for more than ${SILENT_SECONDS} s`] : [];
}

/**
 * Why this is not the work of a daemon at rest in a window of that length: less was accepted than falls into it, or
 * more than twice as much, which is a daemon with other intervals; or agents did not stay as they were. A daemon that
 * does not do its work is none at rest, however small. Empty: it is.
 */
export function faultsOf(
  { heartbeats, reports, states, agentFaults }: Work,
  windowMs: number,
  intervalMs: number | null,
) {
  const due = Math.floor(windowMs / (intervalMs ?? INTERVAL_MS));
  const statesDue = Math.floor(windowMs / STATES_INTERVAL_MS);
  const drift = (count: number): number => Math.floor(count / DRIFT);
  const faults: string[] = [];
  const require = (what: string, came: number, least: number, most: number): void => {
    if (came < least)
      faults.push(`${came} ${what} were accepted in ${windowMs / 1000} s, at least ${least} were to be`);
    if (came > most) faults.push(`${came} ${what} were accepted in ${windowMs / 1000} s, at most ${most} were to be`);
  };
  require('heartbeats', heartbeats, due - 1 - drift(due), 2 * due);
  // their cadence is fixed
  for (const name of COLLECTORS) require(`reports of ${name}`, reports[name], due - 1, 2 * due);
  require("agents' states", states, statesDue - 1 - drift(statesDue), Number.POSITIVE_INFINITY);
  return [...faults, ...agentFaults];
}
