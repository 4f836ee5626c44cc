/** The figures of verifying a package as ratios, verdicts and a table. Pure. */
import { left, megabytes, milliseconds, right, type Table, times } from '../table.ts';
import { inWords, judge, type Verdict } from '../targets.ts';
import type { PeakMemory } from './update-memory.ts';
import type { Pair, Speed } from './update-speed.ts';
import type { Stall } from './update-stall.ts';

export interface UpdateFigures {
  stall: Stall;
  /** Null where there is no openssl. */
  speed: Speed | null;
  /** Null where the kernel does not tell. */
  memory: PeakMemory | null;
}

/** Openssl's time to ours: above 1 where ours is faster. */
export const speedRatio = ({ ours, openssl }: Pair): number => openssl.median / ours.median;

export const heartbeatRatio = ({ idle, busy }: Stall): number => busy.heartbeat.p99 / idle.heartbeat.p99;

interface Row {
  cells: readonly string[];
  verdict: Verdict;
}

function stallRows(stall: Stall): Row[] {
  const { idle, busy } = stall;
  const [delay, ratio] = [busy.delay.p99, heartbeatRatio(stall)];
  return [
    {
      cells: ['event loop’s delay, p99, ms', 'idle', milliseconds(idle.delay.p99), milliseconds(delay), ''],
      verdict: judge('verifyDelay', 'event loop’s delay while verifying, p99 of the worst stretch', delay),
    },
    {
      cells: [
        'heartbeat, p99, ms',
        'idle',
        ...[idle, busy].map(({ heartbeat }) => milliseconds(heartbeat.p99)),
        times(ratio),
      ],
      verdict: judge('verifyHeartbeat', 'heartbeat’s round trip, p99, verifying to idle', ratio),
    },
  ];
}

function speedRow(figure: string, pair: Pair, target: 'verifyHash' | 'verifySignature'): Row {
  const medians = [pair.openssl, pair.ours].map(({ median }) => milliseconds(median));
  const speed = speedRatio(pair);
  return {
    cells: [`${figure}, median, ms`, 'openssl', ...medians, times(speed)],
    verdict: judge(target, `${figure}, speed to openssl’s, medians`, speed),
  };
}

function memoryRow({ beforeBytes, peakBytes }: PeakMemory): Row {
  const extra = (peakBytes - beforeBytes) / 1e6;
  return {
    cells: ['RSS, peak, MB', 'before', megabytes(beforeBytes), megabytes(peakBytes), `+${extra.toFixed(1)} MB`],
    verdict: judge('verifyMemory', 'RSS, peak, while verifying less before', extra),
  };
}

export function updateRows({ stall, speed, memory }: UpdateFigures): Row[] {
  return [
    ...stallRows(stall),
    ...(speed ? [speedRow('SHA-256', speed.hash, 'verifyHash')] : []),
    ...(speed ? [speedRow('SHA-256 and signature', speed.signature, 'verifySignature')] : []),
    ...(memory ? [memoryRow(memory)] : []),
  ];
}

export function updateTable(rows: readonly Row[]): Table {
  return {
    columns: [left('figure'), left('against'), ...['that', 'verifying', 'ratio'].map(right), left('target')],
    rows: rows.map(({ cells, verdict }) => [...cells, inWords(verdict)]),
  };
}
