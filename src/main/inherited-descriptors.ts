/**
 * Descriptors that the daemon was started with and that are not marked to be closed on exec would pass through to
 * every agent and stay open for as long as that lives (a terminal, a lock, a socket of whoever started it). They are
 * closed before anything else opens one. What Node itself has open is marked.
 */
import { closeSync, readdirSync } from 'node:fs';
import { readProcFile } from '../shared/platform/proc.ts';

const CLOSE_ON_EXEC = 0o2000000;

/** Returns what was closed. Standard input, output and error are left. */
export function closeInheritedDescriptors(procSelf = '/proc/self', close: (fd: number) => void = closeSync): number[] {
  let open: string[];
  try {
    open = readdirSync(`${procSelf}/fd`);
  } catch {
    return []; // a system without /proc: nothing is known of them
  }
  return open
    .map(Number)
    .filter((fd) => fd > 2)
    .sort((a, b) => a - b)
    .filter((fd) => {
      const flags = /^flags:\s+(\d+)$/m.exec(readProcFile(`${procSelf}/fdinfo/${fd}`) ?? '')?.[1];
      if (flags === undefined || Number.parseInt(flags, 8) & CLOSE_ON_EXEC) return false;
      close(fd);
      return true;
    });
}
