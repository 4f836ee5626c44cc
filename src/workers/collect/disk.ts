/**
 * The disk collector: size and I/O of every mount. What answers at once is asked here; what may hang (network file
 * systems, FUSE) is asked through a child process, one question outstanding a mount. Without such mounts no process
 * is started. A mount that does not answer is reported as such and delays no later run.
 */
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { CollectTask } from '../../shared/contracts/jobs.ts';
import type { MetricRow } from '../../shared/contracts/metrics.ts';
import { DaemonError, describe } from '../../shared/errors/daemon-error.ts';
import { isAlive, type ProcessStat, readStat } from '../../shared/platform/proc.ts';
import { type Answer, askMounts } from './ask-mounts.ts';
import { type CollectContext, type Collected, isRecordOf, stateFields } from './context.ts';
import { type DiskCounters, ioValues, isDiskCounters, parseDiskstats } from './disk-stats.ts';
import { chooseMounts, type Mount, parseMountinfo } from './mounts.ts';
import { afterSilence, isQuarantined, mayAsk, type Quarantined } from './quarantine.ts';
import { readOptional, readWhole } from './read.ts';
import { askDirectly, type Space, spaceValues } from './space.ts';

interface DiskState {
  kind: 'disk/1';
  atMs: number;
  /** By `major:minor`. */
  devices: Record<string, DiskCounters>;
  /** By `placeOf` the mount. */
  quarantine: Record<string, Quarantined>;
}

/** What the collector does to the system, for tests to replace. */
export interface DiskDoors {
  askDirectly(path: Buffer): Space | null;
  /** `/dev/mapper/x` → `/dev/dm-0`. @throws where there is no such file. */
  realpath(path: string): string;
  /** Of our own process table, which need not be the one that procRoot shows. */
  statOf(pid: number): ProcessStat | null;
}

export const hostDoors: DiskDoors = {
  askDirectly,
  realpath: (path) => realpathSync(path),
  statOf: (pid) => readStat(pid),
};

function diskState(state: unknown): DiskState | null {
  const fields = stateFields(state, 'disk/1');
  if (!fields || !isRecordOf(fields['devices'], isDiskCounters)) return null;
  if (!isRecordOf(fields['quarantine'], isQuarantined)) return null;
  return {
    kind: 'disk/1',
    atMs: Number(fields['atMs']),
    devices: fields['devices'],
    quarantine: fields['quarantine'],
  };
}

/** A file system mounted anew on the same place has another number: it is not held to what the old one did. */
function placeOf(mount: Mount): string {
  return `${mount.dev} ${mount.rawPoint}`;
}

/** The counters of a mount's device. btrfs and overlay have made-up numbers: there the source is looked up by name. */
function countersOf(
  mount: Mount,
  devices: Record<string, DiskCounters>,
  doors: DiskDoors,
): [string, DiskCounters] | null {
  const direct = devices[mount.dev];
  if (direct) return [mount.dev, direct];
  // The source of a FUSE mount is whatever its owner says: never a path to follow.
  if (mount.mayHang || !mount.dev.startsWith('0:') || !mount.device.startsWith('/dev/')) return null;
  let name: string;
  try {
    name = basename(doors.realpath(mount.device));
  } catch {
    return null; // a source that is no file: the mount has no I/O figures
  }
  return Object.entries(devices).find(([, counters]) => counters.name === name) ?? null;
}

function askHere(mount: Mount, doors: DiskDoors): Answer | null {
  try {
    const space = doors.askDirectly(Buffer.from(mount.rawPoint, 'latin1'));
    return space && { kind: 'space', space };
  } catch (error) {
    return { kind: 'failed', reason: describe(error) };
  }
}

/** Of mounts that are closed to us (another user's FUSE mount, say) nothing is said unless they were asked for. */
const CLOSED_TO_US = /EACCES|EPERM|permission denied|operation not permitted/i;

/** One answer a mount; none for those that are not asked this time. The quarantine says which. */
async function askAll(
  mounts: Mount[],
  isClosed: (mount: Mount) => boolean,
  context: CollectContext,
  doors: DiskDoors,
): Promise<Map<Mount, Answer>> {
  const answers = new Map<Mount, Answer>();
  for (const mount of mounts) {
    const answer = mount.mayHang ? null : askHere(mount, doors);
    if (answer) answers.set(mount, answer);
  }
  const elsewhere = mounts.filter((mount) => mount.mayHang && !isClosed(mount));
  const fromChild = await askMounts(
    elsewhere.map((mount) => mount.rawPoint),
    { statProgram: context.statProgram, answerMs: context.answerMs, statOf: doors.statOf },
  );
  for (const [index, answer] of fromChild.entries()) {
    const mount = elsewhere[index];
    if (mount) answers.set(mount, answer);
  }
  return answers;
}

/** @throws DaemonError D5001 where /proc/self/mountinfo cannot be had, or no child be started. */
export async function collectDisk(
  task: CollectTask,
  context: CollectContext,
  doors: DiskDoors = hostDoors,
): Promise<Collected> {
  const devices = parseDiskstats(readOptional(`${context.procRoot}/diskstats`) ?? '');
  const atMs = context.nowMs();
  const previous = diskState(task.state);
  const state: DiskState = { kind: 'disk/1', atMs, devices, quarantine: {} };
  if (!previous) return { values: null, state, problem: null };

  const named = task.mountPoints ?? [];
  const { mounts, missing } = chooseMounts(readMounts(context.procRoot), named);
  const problems = missing.map((point) => `${point} is configured and not mounted`);

  const asking = (entry: Quarantined): boolean => {
    const stat = doors.statOf(entry.pid);
    return isAlive(stat) && stat.startTicks === entry.startTicks;
  };
  // An entry is kept for as long as its process is there, even where the mount has gone: it may come back.
  for (const [place, entry] of Object.entries(previous.quarantine)) {
    if (asking(entry) || mounts.some((mount) => placeOf(mount) === place)) state.quarantine[place] = entry;
  }
  const isClosed = (mount: Mount): boolean => {
    const entry = state.quarantine[placeOf(mount)];
    return entry !== undefined && !mayAsk(entry, atMs, asking(entry));
  };
  const answers = await askAll(mounts, isClosed, context, doors);

  const rows: MetricRow[] = [];
  for (const mount of mounts) {
    const place = placeOf(mount);
    const known = state.quarantine[place];
    const answer = answers.get(mount);
    const isNamed = named.includes(mount.mountpoint);
    const row: MetricRow = { mountpoint: mount.mountpoint, device: mount.device, fstype: mount.fstype };
    if (answer?.kind === 'silent') {
      state.quarantine[place] = afterSilence(known, answer, context.nowMs());
      rows.push({ ...row, responding: 0 });
      if (!known) problems.push(`${mount.mountpoint} (${mount.fstype}) gave no answer within ${context.answerMs} ms`);
    } else if (answer) {
      delete state.quarantine[place];
    } else if (known) {
      rows.push({ ...row, responding: 0 });
    }
    if (answer?.kind === 'space') {
      const space = spaceValues(answer.space);
      if (!space && !isNamed) continue; // nothing to store on: an interface of some driver
      const found = countersOf(mount, devices, doors);
      const io = found && ioValues(found[1], previous.devices[found[0]], atMs - previous.atMs);
      rows.push({ ...row, responding: 1, ...space, ...io });
    } else if (answer?.kind === 'failed' && (isNamed || !CLOSED_TO_US.test(answer.reason))) {
      problems.push(`${mount.mountpoint} (${mount.fstype}): ${answer.reason}`);
    }
  }
  const problem = problems.length > 0 ? new DaemonError('D5001', problems.join('; '), { retryable: true }) : null;
  return { values: { disks: rows }, state, problem };
}

function readMounts(procRoot: string): Mount[] {
  const path = `${procRoot}/self/mountinfo`;
  try {
    return parseMountinfo(readWhole(path).toString('latin1'));
  } catch (error) {
    throw new DaemonError('D5001', `cannot read ${path}`, { cause: error, retryable: true });
  }
}
