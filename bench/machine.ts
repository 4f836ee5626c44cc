/** What a result was had on: a figure without it says little. */
import { execFile } from 'node:child_process';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { promisify } from 'node:util';
import { readProcFile } from '../src/shared/platform/proc.ts';

export interface Machine {
  cpu: string;
  cores: number;
  memoryBytes: number;
  kernel: string;
  /** `always`, `madvise` or `never`: with the first, heaps are larger than what is used of them. null: not told. */
  transparentHugePages: string | null;
  node: string;
}

const GIT_MS = 5000;
const HUGE_PAGES_FILE = '/sys/kernel/mm/transparent_hugepage/enabled';

/** The choice in brackets of a file such as `always [madvise] never`; null where there is none. */
export function chosenIn(text: string): string | null {
  return /\[([^\]\s]+)\]/.exec(text)?.[1] ?? null;
}

export function thisMachine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    transparentHugePages: chosenIn(readProcFile(HUGE_PAGES_FILE) ?? ''),
    node: process.version,
  };
}

/** Over the last minute: what else the machine was busy with. */
export function loadAverage(): number {
  return loadavg()[0] ?? 0;
}

/** The commit that is checked out, with `-dirty` where files differ from it; null where there is no git. */
export async function currentCommit(folder: string): Promise<string | null> {
  const git = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)('git', args, { cwd: folder, timeout: GIT_MS });
    return stdout.trim();
  };
  try {
    const changed = await git('status', '--porcelain', '--untracked-files=no');
    return `${await git('rev-parse', 'HEAD')}${changed === '' ? '' : '-dirty'}`;
  } catch {
    return null; // an unpacked archive
  }
}
