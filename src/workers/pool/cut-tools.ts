/**
 * What Node has no call for, done by util-linux on a descriptor that the child inherits as its third: a lock, and
 * taking the head out of a file (FALLOC_FL_COLLAPSE_RANGE, fallocate(2)). Where a tool or the file system cannot do
 * it, that is said and nothing has changed.
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { fstatSync } from 'node:fs';

export interface CutTools {
  /**
   * Locks the open file for this descriptor and whoever inherits it. Returns '' or why that cannot be done here;
   * throws where somebody else holds the lock: an earlier cut whose thread was ended while its child went on.
   */
  lock(fd: number): string;
  /**
   * Removes the first `bytes` (a multiple of the block size, less than all). What is appended meanwhile comes after
   * or before it, as a whole. Returns '' or why it cannot be done here; throws where it is not known what was done.
   */
  collapse(fd: number, bytes: number): string;
}

const TIMEOUT_MS = 60_000;
const LOCKED = 1;

function run(program: string, args: string[], fd: number): SpawnSyncReturns<Buffer> {
  return spawnSync(program, args, {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    env: { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
}

function notThere(program: string, result: SpawnSyncReturns<Buffer>): string {
  if (!result.error) return '';
  if ('code' in result.error && result.error.code === 'ENOENT') return `${program} is not installed`;
  throw new Error(`${program} could not be run to its end`, { cause: result.error });
}

export const systemTools: CutTools = {
  lock(fd) {
    const result = run('flock', ['--exclusive', '--nonblock', '3'], fd);
    const absent = notThere('flock', result);
    if (absent) return absent;
    if (result.status === LOCKED) throw new Error('the log is locked: an earlier cut of it has not ended yet');
    return result.status === 0 ? '' : `flock: ${result.stderr.toString('utf8').trim()}`;
  },
  collapse(fd, bytes) {
    const before = fstatSync(fd).size;
    const args = ['--collapse-range', '--offset', '0', '--length', String(bytes), '/proc/self/fd/3'];
    const result = run('fallocate', args, fd);
    const absent = notThere('fallocate', result);
    if (absent) return absent;
    if (result.status === 0) return '';
    if (result.status === null || fstatSync(fd).size < before) throw new Error('fallocate was ended halfway');
    return result.stderr.toString('utf8').trim() || `fallocate ended with ${result.status}`;
  },
};
