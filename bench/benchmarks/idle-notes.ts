/** What a reader of the idle figures, and of those of the peers, must know. Pure. */

import { COLLECTORS } from '../collectors.ts';
import type { Peers, RunningPeer } from '../peers/run.ts';
import type { Work } from '../resting-work.ts';
import type { Settings } from '../settings.ts';
import { megabytes } from '../table.ts';
import type { IdleFigures } from './idle-figures.ts';

/** A peer that did not live to the end of the window. */
export interface EndedPeer {
  peer: RunningPeer;
  /** Of the window's start. */
  atMs: number;
}

export const FLOOR_PROGRAM = 'setInterval(() => {}, 1e9)';

function intervalNote({ intervalMs, windowMs }: Settings['idle']): string {
  return intervalMs === null
    ? 'All intervals as shipped: heartbeats and collectors each 60 s.'
    : `SHORTENED for --quick: heartbeats and collectors each ${intervalMs / 1000} s, not 60 s, and a window of ` +
        `${windowMs / 1000} s, not 180 s: more work a minute than as shipped.`;
}

function cgroupNote({ cgroup }: IdleFigures): string {
  if (!cgroup) return 'The daemon is in the control group of the harness: no memory.current or memory.peak of its own.';
  const peak = cgroup.peakBytes === null ? '' : `, memory.peak ${megabytes(cgroup.peakBytes)} MB since it was made`;
  return `Control group ${cgroup.path}, agents and page cache included: memory.current ${megabytes(cgroup.currentBytes)} MB${peak}.`;
}

/** What a window is worth: a daemon that did not do this would be told as an error. */
export function workNote({ heartbeats, reports }: Work): string {
  const counted = COLLECTORS.map((name) => `${reports[name]} of ${name}`).join(', ');
  return (
    `In the window the Manager had ${heartbeats} heartbeats of the daemon’s, and reports: ${counted}. ` +
    'The agents were the same processes from its start to its end.'
  );
}

/** `isOfWindow`: whether it could be set back when the window began. */
export function peakNote(isOfWindow: boolean): string {
  return isOfWindow
    ? 'The peak is the kernel’s own (VmHWM), set back after the warm-up.'
    : 'The peak is the kernel’s own (VmHWM) SINCE THE START: setting it back (clear_refs) is not allowed here.';
}

export function userfaultfdNote(isOpen: boolean): string {
  return isOpen
    ? 'The daemon has a userfaultfd open, by which pages around a fault stay away.'
    : 'The daemon has NO userfaultfd open: faults bring back the pages around them.';
}

export function idleNotes(settings: Settings['idle'], figures: IdleFigures): string[] {
  const { warmUpMs, windowMs } = settings;
  return [
    intervalNote(settings),
    `Memory in MB of 10^6 bytes, a sample each 100 ms over ${windowMs / 1000} s, from ${warmUpMs / 1000} s after the first report on.`,
    'File-backed is RSS less anonymous; shared memory counts in it, here ' +
      `${megabytes(figures.daemon.sharedMemoryBytes)} MB.`,
    peakNote(figures.peaksAreOfWindow),
    'CPU is that of one core over the whole window, ended children included; the kernel tells it in steps of 10 ms.',
    workNote(figures.work),
    `Floor: \`node -e "${FLOOR_PROGRAM}"\` with the daemon’s Node, sampled at the same moments. The ratio is that of the medians.`,
    userfaultfdNote(figures.userfaultfd),
    cgroupNote(figures),
  ];
}

export function peersNotes(
  settings: Settings['idle'],
  { running, missing, failed }: Peers,
  ended: readonly EndedPeer[],
): string[] {
  const stayed = running.filter((one) => !ended.some(({ peer }) => peer === one));
  return [
    `The daemon: ${intervalNote(settings)} The others have their own intervals:`,
    ...stayed.map(({ plan, version }) => `  ${plan.name} ${version} ${plan.does}.`),
    'All were sampled at the same moments, each with a minimal configuration. Supervisors (monit, supervisord, PM2) run ' +
      'the daemon’s three agents, which are not counted.',
    'Of one with several processes the sums are told, of the peak too. PSS divides what these processes share. Processes ' +
      'that it starts are looked for each second, and the most at a time are told.',
    ...(missing.length > 0 ? [`NOT INSTALLED here, and so not measured: ${missing.join(', ')}.`] : []),
    ...failed.map((reason) => `COULD NOT BE RUN: ${reason.replaceAll('\n', ' ')}`),
    ...ended.map(({ peer: { plan, end }, atMs }) => {
      const at = `after ${(atMs / 1000).toFixed(1)} s of the window`;
      return `LEFT OUT, since it ended ${at}: ${plan.name}: ${end().replaceAll('\n', ' ')}`;
    }),
  ];
}
