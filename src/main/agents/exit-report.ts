/** What is told of a process that ended by itself. Pure. */
import type { HostEvent } from '../../shared/contracts/host-event.ts';
import type { Exit } from './launcher.ts';

export interface ExitReport {
  event: 'agent-start-failed' | 'agent-exited';
  /** `ended with code 3`, `ended by SIGKILL`. */
  words: string;
  /** Why the agent is in the state that follows, with the last line of its output where that says most. */
  reason: string;
  fields: object;
}

/** `early`: before its start counted. `lastLines`: of its output. `outOfMemory`: the kernel killed it for want of it. */
export function exitReport(
  what: string,
  exit: Exit,
  facts: { early: boolean; uptimeMs: number; lastLines: readonly string[]; outOfMemory: boolean },
): ExitReport {
  const { early, uptimeMs, lastLines, outOfMemory } = facts;
  const how = exit.signal ? `by ${exit.signal}` : exit.code === null ? 'unseen' : `with code ${exit.code}`;
  const words = `${what} ${how}${outOfMemory ? ', out of memory' : ''}`;
  const reason = early ? `${words} before its start counted` : words;
  const lastLine = early ? lastLines.at(-1) : undefined;
  return {
    event: early ? 'agent-start-failed' : 'agent-exited',
    words,
    reason: lastLine === undefined ? reason : `${reason}: ${lastLine}`,
    fields: {
      exitCode: exit.code,
      signal: exit.signal,
      expected: false,
      ...(outOfMemory ? { outOfMemory } : {}),
      uptimeMs,
      lastLines,
      ...(early ? { code: 'D3001' } : {}),
    },
  };
}

/** What the Manager is told of it. `agent-failed`: it is left alone now. */
export function exitEvent(
  agentId: string,
  kind: 'agent-exited' | 'agent-failed',
  reason: string,
  exit: Exit,
  facts: { uptimeMs: number; lastLines: readonly string[] },
): HostEvent {
  const details = {
    ...(exit.code === null ? {} : { exit_code: String(exit.code) }),
    ...(exit.signal === null ? {} : { signal: exit.signal }),
    uptime_seconds: String(Math.round(facts.uptimeMs / 1000)),
  };
  return { kind, agentId, message: reason, details, lastLines: facts.lastLines };
}
