/** A /proc of the test's own: processes with the files that the health checks read. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';

export interface FakeProcess {
  pid: number;
  /** Default: the pid. */
  group?: number;
  state?: string;
  startTicks?: number;
  /** User and system time, clock ticks. */
  ticks?: number;
  /** Of children that were waited for. */
  waited?: number;
  rssPages?: number;
  vmsBytes?: number;
  threads?: number;
  name?: string;
  /** read_bytes and write_bytes; null: no such file. */
  io?: [number, number] | null;
  files?: number;
}

/** The line of proc(5): pid, (name), state, ppid, pgrp, session, tty, tpgid, flags, 4 faults, utime … 52 fields. */
export function statLine(process: FakeProcess): string {
  const { pid, group = pid, state = 'S', startTicks = 100, ticks = 0, waited = 0 } = process;
  const { rssPages = 10, vmsBytes = 1_000_000, threads = 1, name = 'agent' } = process;
  const half = (n: number): number[] => [Math.floor(n / 2), Math.ceil(n / 2)];
  const fields = [
    ...[1, group, group, 0, -1, 4194304, 1, 2, 3, 4],
    ...half(ticks),
    ...half(waited),
    ...[20, 0, threads, 0, startTicks, vmsBytes, rssPages],
  ];
  return `${pid} (${name}) ${state} ${[...fields, ...new Array(28).fill(0)].join(' ')}\n`;
}

export class FakeProc {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
    mkdirSync(`${root}/sys`, { recursive: true });
    writeFileSync(`${root}/uptime`, '1 1\n');
  }

  put(process: FakeProcess): void {
    const folder = `${this.root}/${process.pid}`;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(`${folder}/fd`, { recursive: true });
    writeFileSync(`${folder}/stat`, statLine(process));
    const { io = [0, 0], files = 0 } = process;
    if (io) writeFileSync(`${folder}/io`, `rchar: 1\nread_bytes: ${io[0]}\nwrite_bytes: ${io[1]}\n`);
    for (let n = 0; n < files; n++) writeFileSync(`${folder}/fd/${n}`, '');
  }

  end(pid: number): void {
    rmSync(`${this.root}/${pid}`, { recursive: true });
  }
}
