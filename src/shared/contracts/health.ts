/**
 * Health checks of agents (design document 3.3.2, 3.5.3, 3.5.5), plain data: what a worker is asked, what it finds,
 * and how the outcome is shown. An agent is its whole process group: figures are sums over the group.
 */

export interface HttpTarget {
  url: string;
  /** For everything together: connecting, redirects, the answer and its body. */
  timeoutMs: number;
}

/** One agent to look at. */
export interface HealthTarget {
  /** The agent's id. */
  id: string;
  pid: number;
  /** Clock ticks since boot, proc(5) field 22: a process with another start is another process. */
  startTicks: number;
  /** What the last finding about the same process gave back; null on the first look. */
  previous: HealthCounters | null;
  /** Null: not asked. */
  http: HttpTarget | null;
}

/** Clock ticks of CPU time. */
export interface MemberTicks {
  own: number;
  /** Of its children that ended and were waited for. */
  waited: number;
}

/** What the next look must know, to be handed in as `previous`. */
export interface HealthCounters {
  /** Monotonic milliseconds of the workers' clock: comparable with nothing else. */
  atMs: number;
  /** Members of the group by `pid:startTicks`. */
  members: Record<string, MemberTicks>;
  /** Null where /proc/PID/io is closed to the daemon. */
  disk: { read: DiskCount; write: DiskCount } | null;
}

export interface DiskCount {
  /** Bytes that the members of now have counted. */
  sum: number;
  /** The same with what members that have gone had counted: never falls. */
  total: number;
}

export interface ResourceUsage {
  /** Percent of one core since the previous look, never since the start. Null on the first look. */
  cpuPercent: number | null;
  /** Memory that members share counts once for each. */
  rssBytes: number;
  vmsBytes: number;
  /** Since the start of the process, as far as the daemon has watched it. Null where not permitted. */
  diskReadBytes: number | null;
  diskWriteBytes: number | null;
  /** File descriptors. Null where not permitted. */
  openFiles: number | null;
  threads: number;
}

export interface HttpFinding {
  ok: boolean;
  /** Of the last answer; null where none came. */
  status: number | null;
  /** Why not ok; for a redirect that was not followed, where to. Empty otherwise. */
  reason: string;
  durationMs: number;
}

export interface HealthFinding {
  /** The target's own, so that a finding that comes late is known to be about an older process. */
  id: string;
  pid: number;
  startTicks: number;
  process: {
    /** A zombie, or another process under that pid, is not alive. Null where it could not be looked at. */
    alive: boolean | null;
    /** Letter of proc(5): R, S, D, T … Empty where there is none. */
    state: string;
    /** What is not as it should be; empty otherwise. */
    reason: string;
  };
  /** Null where the process is not alive. */
  usage: ResourceUsage | null;
  /** Null where nothing was to be asked, or the process is not alive. */
  http: HttpFinding | null;
  counters: HealthCounters | null;
}

/** In order of precedence. */
export const CHECKS = ['process', 'heartbeat', 'resources', 'http'] as const;
export type CheckName = (typeof CHECKS)[number];

/** The last outcome of one check, for showing. */
export interface CheckResult {
  check: CheckName;
  /** `off`: not configured, or not fitting the agent. `unknown`: could not be told yet, or not this time. */
  state: 'ok' | 'failing' | 'off' | 'unknown';
  /** Why, for a person; may be empty when ok. */
  reason: string;
  /** Unix milliseconds since when it is in that state. */
  sinceMs: number;
  /** Checks in a row that failed. */
  failures: number;
}

/** An agent passed a threshold, or came well below it again. */
export interface ResourceAlert {
  agentId: string;
  type: 'cpu' | 'memory';
  /** Percent of one core, or bytes; 0 where the process has gone. */
  currentValue: number;
  /** In the same unit; 0 where it was switched off. */
  threshold: number;
  /** Unix milliseconds. */
  timestampMs: number;
  state: 'raised' | 'cleared';
}
