/**
 * The state machine of one agent. Pure: takes the present record and what happened, returns the next record. A
 * transition names the states that it may come from; anything else is refused with null, so that an event of an
 * older process or a late callback changes nothing.
 */
import type { AgentExit, AgentStatus } from '../../shared/contracts/agent.ts';

/** Which process it is: the pid alone is reused. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks since boot, proc(5) field 22. */
  startTicks: number;
  bootId: string;
}

/** What is remembered of an agent, across restarts of the daemon too. */
export interface AgentRecord {
  status: AgentStatus;
  /** What was asked for last: an agent that somebody stopped stays so when the daemon starts anew. */
  wanted: 'running' | 'stopped';
  reason: string;
  process: ProcessIdentity | null;
  /** Unix milliseconds, 0 when not running. */
  startedAtMs: number;
  /** Restarts since the last quiet time: what the limit counts. */
  attempts: number;
  /** Restarts ever. */
  restarts: number;
  lastRestartMs: number;
  lastExit: AgentExit | null;
}

export const NEW_RECORD: AgentRecord = {
  status: 'stopped',
  wanted: 'running',
  reason: '',
  process: null,
  startedAtMs: 0,
  attempts: 0,
  restarts: 0,
  lastRestartMs: 0,
  lastExit: null,
};

export type AgentEvent =
  /** Somebody wants it to run: the daemon at its start, an operator. Forgets earlier restarts. */
  | { kind: 'start-requested' }
  | { kind: 'restart-due'; nowMs: number }
  | { kind: 'spawned'; process: ProcessIdentity; nowMs: number }
  /** A process of an earlier daemon was found again. */
  | { kind: 'adopted'; process: ProcessIdentity; startedAtMs: number }
  /** It lived long enough for its start to count. */
  | { kind: 'settled' }
  /** Its process is to be ended; `reason` says why. Asked for by somebody, it stays stopped. */
  | { kind: 'stop-requested'; reason: string; wanted: AgentRecord['wanted'] }
  /** Its process cannot be ended now. */
  | { kind: 'stuck'; reason: string }
  | {
      kind: 'ended';
      exit: AgentExit | null;
      next: 'stopped' | 'failed' | 'restarting';
      attempts: number;
      reason: string;
    };

type From = readonly AgentStatus[];
const FROM: Record<AgentEvent['kind'], From> = {
  'start-requested': ['stopped', 'failed', 'restarting'],
  'restart-due': ['restarting'],
  spawned: ['starting'],
  adopted: ['stopped', 'failed', 'restarting', 'starting', 'running', 'stopping'],
  settled: ['starting'],
  stuck: ['stopping'],
  'stop-requested': ['starting', 'running', 'restarting', 'stopping'],
  ended: ['starting', 'running', 'stopping', 'restarting'],
};

const GONE = { process: null, startedAtMs: 0 } as const;

export function transition(record: AgentRecord, event: AgentEvent): AgentRecord | null {
  if (!FROM[event.kind].includes(record.status)) return null;
  switch (event.kind) {
    case 'start-requested':
      return { ...record, ...GONE, status: 'starting', wanted: 'running', reason: '', attempts: 0 };
    case 'restart-due':
      return {
        ...record,
        ...GONE,
        status: 'starting',
        restarts: record.restarts + 1,
        lastRestartMs: event.nowMs,
      };
    case 'spawned':
      return { ...record, process: event.process, startedAtMs: event.nowMs };
    case 'adopted':
      return { ...record, status: 'running', reason: '', process: event.process, startedAtMs: event.startedAtMs };
    case 'settled':
      return { ...record, status: 'running', reason: '' };
    case 'stop-requested':
      return { ...record, status: 'stopping', reason: event.reason, wanted: event.wanted };
    case 'stuck':
      return { ...record, reason: event.reason };
    case 'ended':
      return {
        ...record,
        ...GONE,
        status: event.next,
        reason: event.reason,
        attempts: event.attempts,
        lastExit: event.exit ?? record.lastExit,
      };
  }
}
