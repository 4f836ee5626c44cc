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
  /** Whose it is (its real user). */
  user: {
    /** Whether that is the daemon's own. */
    isOwn: boolean;
    /** Its number, and its name where /etc/passwd has one. */
    names: readonly string[];
  };
}

/**
 * The agent itself: the oldest that leads a session and runs the agent's program, by itself or as a script (then an
 * interpreter stands before it), as the user that it is to run as: anybody may give the marks to a process of his own.
 * Null where there are only others.
 */
export function agentAmong(
  marked: readonly MarkedProcess[],
  { binaryPath, user }: { binaryPath: string; user: string },
): ProcessIdentity | null {
  const candidates = marked.filter(
    ({ leadsSession, command, user: { isOwn, names } }) =>
      leadsSession && command.slice(0, 3).includes(binaryPath) && (user === '' ? isOwn : names.includes(user)),
  );
  const [oldest] = candidates.sort((a, b) => a.identity.startTicks - b.identity.startTicks);
  return oldest?.identity ?? null;
}
