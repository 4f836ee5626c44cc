/**
 * The command line that an agent is really started with: limits and another user are set by tools of util-linux in
 * front of the program, each of which replaces itself by the next, so that the pid is the agent's own. Pure.
 */
export interface AgentLimits {
  /** 0: not set. */
  openFiles: number;
  processes: number;
  addressSpaceBytes: number;
  /** Bytes; null: not set. */
  coreBytes: number | null;
  /** Of all its processes together, by its control group (agent-scope.ts). 0: not set. */
  memoryBytes: number;
  memoryHighBytes: number;
  /** Percent of one core. */
  cpuPercent: number;
  tasks: number;
}

export interface CommandSpec {
  program: string;
  args: readonly string[];
  /** Name or number; empty: the daemon's own. */
  user: string;
  /** Name or number; never empty where there is a user: without it setpriv leaves the daemon's own group. */
  group: string;
  limits: AgentLimits;
}

/** `before`: words of what makes its control group. */
export function commandLine(
  { program, args, user, group, limits }: CommandSpec,
  before: readonly string[] = [],
): { file: string; args: string[] } {
  const both = (name: string, value: number): string => `--${name}=${value}:${value}`;
  const options = [
    ...(limits.openFiles > 0 ? [both('nofile', limits.openFiles)] : []),
    ...(limits.processes > 0 ? [both('nproc', limits.processes)] : []),
    ...(limits.addressSpaceBytes > 0 ? [both('as', limits.addressSpaceBytes)] : []),
    ...(limits.coreBytes !== null ? [both('core', limits.coreBytes)] : []),
  ];
  const line = [
    ...before,
    ...(options.length > 0 ? ['prlimit', ...options, '--'] : []),
    ...identity(user, group),
    program,
    ...args,
  ];
  const [file = program, ...rest] = line;
  return { file, args: rest };
}

function identity(user: string, group: string): string[] {
  if (!user && !group) return [];
  const groups = user ? '--init-groups' : '--clear-groups';
  return ['setpriv', ...(user ? [`--reuid=${user}`] : []), ...(group ? [`--regid=${group}`] : []), groups, '--'];
}
