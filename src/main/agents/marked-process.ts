/**
 * Processes that carry an agent's marks in their environment, which its children inherit: which of them is the agent
 * itself, and which are others that must not outlive it. Pure.
 */
import type { ProcessIdentity } from './instance-state.ts';

export interface MarkedProcess {
  identity: ProcessIdentity;
  /** Whether it leads a session, as an agent does: a child may have made one of its own. */
  leadsSession: boolean;
  /** Its command line, word by word. */
  command: string[];
}

/**
 * The agent itself: the oldest that leads a session and runs the agent's program, by itself or as a script (then an
 * interpreter stands before it). Null where there are only children left.
 */
export function agentAmong(marked: readonly MarkedProcess[], program: string): ProcessIdentity | null {
  const candidates = marked.filter(
    ({ leadsSession, command }) => leadsSession && command.slice(0, 3).includes(program),
  );
  const [oldest] = candidates.sort((a, b) => a.identity.startTicks - b.identity.startTicks);
  return oldest?.identity ?? null;
}
