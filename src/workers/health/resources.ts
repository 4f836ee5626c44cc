/**
 * What an agent uses: sums over the members of its group. CPU is a share of the interval between two looks, from
 * counters that travel with the call. Nothing is remembered here.
 */
import { opendirSync } from 'node:fs';
import type { DiskCount, HealthCounters, MemberTicks, ResourceUsage } from '../../shared/contracts/health.ts';
import { isAlive, readProcFile } from '../../shared/platform/proc.ts';
import type { Member } from './process.ts';

/** Userland's on every Linux that Node runs on. */
const MS_PER_TICK = 10;
const DEFAULT_PAGE_BYTES = 4096;
const AT_PAGESZ = 6n;

export interface UsageContext {
  procRoot: string;
  /** Monotonic milliseconds with one origin for all threads of the process; when the table was read. */
  atMs: number;
  pageBytes: number;
  /** More than this many cores cannot have been busy. */
  cores: number;
}

/** Bytes of a memory page, from the auxiliary vector: Node does not tell. Pairs of words, little-endian 64-bit ones. */
export function pageBytesOf(auxiliary: Buffer): number {
  for (let at = 0; at + 16 <= auxiliary.length; at += 16) {
    const value = Number(auxiliary.readBigUInt64LE(at + 8));
    if (auxiliary.readBigUInt64LE(at) === AT_PAGESZ && value >= 1024) return value;
  }
  return DEFAULT_PAGE_BYTES;
}

const keyOf = ({ pid, startTicks }: Member): string => `${pid}:${startTicks}`;

/**
 * Clock ticks that a group used between two looks. A child that ended in between shows in what its parent waited for,
 * from its first tick on; what an earlier look had counted of it is taken off again. Never negative. Pure.
 */
export function ticksBetween(before: Record<string, MemberTicks>, now: Record<string, MemberTicks>): number {
  let [own, waited] = [0, 0];
  for (const [key, ticks] of Object.entries(now)) {
    own += Math.max(0, ticks.own - (before[key]?.own ?? 0));
    waited += Math.max(0, ticks.waited - (before[key]?.waited ?? 0));
  }
  for (const [key, ticks] of Object.entries(before)) {
    if (!now[key]) waited -= ticks.own + ticks.waited;
  }
  return own + Math.max(0, waited);
}

function cpuPercent(
  previous: HealthCounters,
  members: Record<string, MemberTicks>,
  { atMs, cores }: UsageContext,
): number | null {
  const elapsedMs = atMs - previous.atMs;
  if (elapsedMs <= 0) return null;
  // a child of another group that was waited for brings all of its life at once
  return Math.min((100 * MS_PER_TICK * ticksBetween(previous.members, members)) / elapsedMs, 100 * cores);
}

type Io = { read: number; write: number };

/** Null where it is closed to the daemon; nothing of a process that went meanwhile. */
function readIo({ pid }: Member, procRoot: string): Io | null {
  const text = readProcFile(`${procRoot}/${pid}/io`, 1024);
  if (text === null) return readProcFile(`${procRoot}/${pid}/stat`, 1024) === null ? { read: 0, write: 0 } : null;
  const count = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  const io = { read: count('read_bytes'), write: count('write_bytes') };
  return Number.isFinite(io.read + io.write) ? io : null;
}

function carry(previous: DiskCount | undefined, sum: number): DiskCount {
  return previous ? { sum, total: previous.total + Math.max(0, sum - previous.sum) } : { sum, total: sum };
}

function diskOf(members: readonly Member[], previous: HealthCounters | null, procRoot: string): HealthCounters['disk'] {
  let [read, write] = [0, 0];
  for (const member of members) {
    const io = readIo(member, procRoot);
    if (!io) return null; // part of a sum would pass for the whole
    read += io.read;
    write += io.write;
  }
  return { read: carry(previous?.disk?.read, read), write: carry(previous?.disk?.write, write) };
}

/** Entry by entry, since a process may have a million of them. Null where not permitted. */
function openFilesOf({ pid }: Member, procRoot: string): number | null {
  try {
    const folder = opendirSync(`${procRoot}/${pid}/fd`, { bufferSize: 256 });
    try {
      let count = 0;
      while (folder.readSync()) count++;
      return count;
    } finally {
      folder.closeSync();
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    return code === 'ENOENT' || code === 'ESRCH' ? 0 : null;
  }
}

function sum(members: readonly Member[], figure: (member: Member) => number): number {
  return members.reduce((total, member) => total + figure(member), 0);
}

/** `group`: all members, zombies too, whose CPU time counts until their parent has waited for them. */
export function measure(
  group: readonly Member[],
  earlier: HealthCounters | null,
  context: UsageContext,
): { usage: ResourceUsage; counters: HealthCounters } {
  const { procRoot, pageBytes, atMs } = context;
  const living = group.filter((member) => isAlive(member));
  const members = Object.fromEntries(
    group.map((member) => [keyOf(member), { own: member.cpuTicks, waited: member.waitedTicks }]),
  );
  // counters of which nothing is left are another process's
  const previous = earlier && Object.keys(earlier.members).some((key) => members[key]) ? earlier : null;
  const disk = diskOf(living, previous, procRoot);
  let openFiles: number | null = 0;
  for (const member of living) {
    const count = openFilesOf(member, procRoot);
    openFiles = count === null || openFiles === null ? null : openFiles + count;
  }
  return {
    usage: {
      cpuPercent: previous && cpuPercent(previous, members, context),
      rssBytes: sum(living, ({ rssPages }) => rssPages * pageBytes),
      vmsBytes: sum(living, ({ vmsBytes }) => vmsBytes),
      diskReadBytes: disk?.read.total ?? null,
      diskWriteBytes: disk?.write.total ?? null,
      openFiles,
      threads: sum(living, ({ threads }) => threads),
    },
    counters: { atMs, members, disk },
  };
}
