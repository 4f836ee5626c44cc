/** What a result was had on: a figure without it says little. */
import { execFile } from 'node:child_process';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { promisify } from 'node:util';

export interface Machine {
  cpu: string;
  cores: number;
  memoryBytes: number;
  kernel: string;
  node: string;
}

const GIT_MS = 5000;

export function thisMachine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
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
