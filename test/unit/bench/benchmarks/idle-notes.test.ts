import { expect, test } from 'vitest';
import { idleFigures } from '../../../../bench/benchmarks/idle-figures.ts';
import { idleNotes, peersNotes } from '../../../../bench/benchmarks/idle-notes.ts';
import { PEERS } from '../../../../bench/peers/plans.ts';
import { FULL, QUICK } from '../../../../bench/settings.ts';

const READING = {
  ...{ rssBytes: 16e6, pssBytes: 14e6, anonymousBytes: 12e6, fileBackedBytes: 4e6 },
  ...{ peakRssBytes: 28e6, sharedMemoryBytes: 5e5, threads: 11, descriptors: 20 },
};
const ONE = idleFigures({ readings: [READING], atMs: [0], cpuTicks: 5, minorFaults: 0, elapsedMs: 10_000 });
const WORK = { heartbeats: 3, reports: { cpu: 3, memory: 3, disk: 2, network: 3 }, states: 6, agentFaults: [] };
const FIGURES = { daemon: ONE, floor: ONE, peaksAreOfWindow: true, work: WORK, cgroup: null, userfaultfd: true };
const CGROUP = { path: '/system.slice/x', currentBytes: 50e6, peakBytes: null };

test.each([
  { settings: FULL.idle, figures: FIGURES, says: 'All intervals as shipped' },
  { settings: QUICK.idle, figures: FIGURES, says: `SHORTENED for --quick: heartbeats and collectors each 4 s` },
  { settings: FULL.idle, figures: { ...FIGURES, peaksAreOfWindow: false }, says: 'SINCE THE START' },
  {
    settings: FULL.idle,
    figures: FIGURES,
    says: '3 heartbeats of the daemon’s, and reports: 3 of cpu, 3 of memory, 2 of disk',
  },
  { settings: FULL.idle, figures: FIGURES, says: 'has a userfaultfd open' },
  { settings: FULL.idle, figures: { ...FIGURES, userfaultfd: false }, says: 'NO userfaultfd' },
  { settings: FULL.idle, figures: FIGURES, says: 'control group of the harness' },
  {
    settings: FULL.idle,
    figures: { ...FIGURES, cgroup: CGROUP },
    says: 'x, agents and page cache included: memory.current 50.0 MB.',
  },
])('the notes say: $says', ({ settings, figures, says }) => {
  expect(idleNotes(settings, figures).join('\n')).toContain(says);
});

test('what was not measured is named, with its reason where it is there', () => {
  const running = PEERS.slice(0, 3).map((plan) => ({
    plan,
    version: '1.5.0',
    pids: [1],
    end: () => 'it ended\nbadly',
  }));
  const ended = running.slice(2).map((peer) => ({ peer, atMs: 12_340 }));
  const failed = ['monit: it ended\n  with code 3'];
  const notes = peersNotes(FULL.idle, { running, missing: ['telegraf'], failed }, ended);
  expect(notes).toContain('  node_exporter 1.5.0 waits to be asked, which nobody does.');
  expect(notes.join('\n')).not.toContain('supervisord 1.5.0');
  expect(notes.slice(-3)).toEqual([
    'NOT INSTALLED here, and so not measured: telegraf.',
    'COULD NOT BE RUN: monit: it ended   with code 3',
    'LEFT OUT, since it ended after 12.3 s of the window: supervisord: it ended badly',
  ]);
});
