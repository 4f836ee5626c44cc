/**
 * The process table, read once for all targets of a run: what /proc/PID/stat says of the targets and of every member
 * of their groups. A process counts by pid and start time; what could not be read is never taken for gone.
 */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import type { HealthFinding, HealthTarget } from '../../shared/contracts/health.ts';
import { isAlive, type ProcessStat, parseStat } from '../../shared/platform/proc.ts';

export interface Member extends ProcessStat {
  /** Clock ticks of its children that ended and were waited for. */
  waitedTicks: number;
  threads: number;
  vmsBytes: number;
}

export interface ProcessTable {
  /** The targets' own entries by pid, as far as there are any. */
  byPid: Map<number, Member>;
  /** Members of the targets' groups by the group's id, zombies too. */
  byGroup: Map<number, Member[]>;
  /** Targets whose entry is there and could not be read, and why. */
  unread: Map<number, string>;
}

/** Longer than any stat: a name of 64 bytes and fifty numbers. */
const STAT_BYTES = 2048;

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

function read(path: string, buffer: Buffer): string {
  const fd = openSync(path, 'r');
  try {
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(fd);
  }
}

/** Null for a text that is no stat of a process. */
export function parseMember(text: string): Member | null {
  const stat = parseStat(text);
  if (!stat) return null;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (n: number): number => Number(fields[n - 3]);
  return { ...stat, waitedTicks: field(16) + field(17), threads: field(20), vmsBytes: field(23) };
}

/**
 * One pass over the table. Of other processes nothing is kept.
 * @throws the system's error where the table itself cannot be listed
 */
export function readProcesses(
  pids: ReadonlySet<number>,
  procRoot = '/proc',
  list: (path: string) => string[] = readdirSync,
): ProcessTable {
  const table: ProcessTable = { byPid: new Map(), byGroup: new Map(), unread: new Map() };
  const buffer = Buffer.allocUnsafe(STAT_BYTES);
  for (const name of list(procRoot)) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid <= 0) continue;
    let member: Member | null;
    try {
      member = parseMember(read(`${procRoot}/${name}/stat`, buffer));
    } catch (error) {
      const code = errorCode(error);
      // it went since the listing; anything else (too many open files, say) tells nothing about the process
      if (code !== 'ENOENT' && code !== 'ESRCH' && pids.has(pid)) table.unread.set(pid, code);
      continue;
    }
    if (!member) {
      if (pids.has(pid)) table.unread.set(pid, 'its stat is not in the form of proc(5)');
      continue;
    }
    if (pids.has(pid)) table.byPid.set(pid, member);
    if (!pids.has(member.groupId)) continue;
    const group = table.byGroup.get(member.groupId);
    if (group) group.push(member);
    else table.byGroup.set(member.groupId, [member]);
  }
  return table;
}

const NOTEWORTHY: Record<string, string> = {
  T: 'stopped by a signal',
  t: 'held by a debugger',
  D: 'waiting in the kernel, for storage most often',
};

/** Whether the target is there, as the same process as when it was started. */
export function lookAt(
  target: Pick<HealthTarget, 'pid' | 'startTicks'>,
  table: ProcessTable,
): HealthFinding['process'] {
  const { pid, startTicks } = target;
  const why = table.unread.get(pid);
  if (why !== undefined) return { alive: null, state: '', reason: `pid ${pid} could not be looked at: ${why}` };
  const stat = table.byPid.get(pid) ?? null;
  if (!stat) return { alive: false, state: '', reason: `pid ${pid} has ended` };
  if (stat.startTicks !== startTicks) return { alive: false, state: '', reason: `pid ${pid} is another process now` };
  const { state } = stat;
  if (!isAlive(stat)) return { alive: false, state, reason: `pid ${pid} has ended and is a zombie` };
  return { alive: true, state, reason: NOTEWORTHY[state] ?? '' };
}

/**
 * Everything that counts as the agent: its group, of which it is the leader, since it was started in a session of its
 * own. One that is not (taken over from elsewhere) counts alone: its group is somebody else's.
 */
export function membersOf(target: Pick<HealthTarget, 'pid'>, table: ProcessTable): Member[] {
  const leader = table.byPid.get(target.pid);
  if (!leader) return [];
  return leader.groupId === leader.pid ? (table.byGroup.get(leader.pid) ?? [leader]) : [leader];
}
