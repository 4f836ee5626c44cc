/** The table that puts the daemon beside an empty `node` and its peers. Pure. */
import { left, megabytes, right, type Table } from '../table.ts';
import type { ProcessFigures } from './idle-figures.ts';

export interface PeerFigures {
  /** `monit 5.33.0`. */
  name: string;
  processes: number;
  figures: ProcessFigures;
}

export function peersTable(all: readonly PeerFigures[]): Table {
  return {
    columns: [
      left('program'),
      ...['processes', 'RSS median', 'p95', 'max', 'peak', 'anonymous', 'PSS', 'CPU %', 'threads'].map(right),
    ],
    rows: all.map(({ name, processes, figures }) => {
      const { rssBytes, peakRssBytes, anonymousBytes, pssBytes, threads } = figures;
      const memory = [
        rssBytes.median,
        rssBytes.p95,
        rssBytes.max,
        peakRssBytes,
        anonymousBytes.median,
        pssBytes.median,
      ];
      return [name, String(processes), ...memory.map(megabytes), figures.cpuPercent.toFixed(2), String(threads.median)];
    }),
  };
}
