/** This process by its lasting name. */
import { readBootId, readStat } from '../../shared/platform/proc.ts';
import type { ProcessName } from './journal-format.ts';

export function ownName(): ProcessName {
  return { pid: process.pid, startTicks: readStat(process.pid)?.startTicks ?? 0, bootId: readBootId() };
}
