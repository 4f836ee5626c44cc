/**
 * A lock that an agent and its children hold for as long as any of them lives: the descriptor is locked here and
 * inherited by them, so that a second copy cannot start even where adoption went wrong. Node has no flock(2), so
 * flock(1) of util-linux takes it on the descriptor that it inherits; the lock belongs to the open file, not to it.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

export interface AgentLock {
  /** To be inherited by the agent and closed here afterwards. */
  descriptor: number;
  /** Why nothing is locked, where the tool is absent. */
  warning: string;
}

export class AgentLockedError extends Error {
  override readonly name = 'AgentLockedError';
}

const HELD = 1;

/** Throws AgentLockedError where another process holds it. */
export async function takeAgentLock(path: string): Promise<AgentLock> {
  const descriptor = openSync(path, 'a', 0o640);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      const tool = spawn('flock', ['--exclusive', '--nonblock', '3'], {
        stdio: ['ignore', 'ignore', 'ignore', descriptor],
      });
      tool.once('error', reject);
      tool.once('exit', resolve);
    });
    if (code === 0) return { descriptor, warning: '' };
    if (code === HELD) throw new AgentLockedError(`another process of this agent runs and holds ${path}`);
    return { descriptor, warning: `flock ended with ${code}: a second copy is not ruled out` };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return { descriptor, warning: 'there is no flock program: a second copy is not ruled out' };
    }
    closeSync(descriptor);
    throw error;
  }
}
