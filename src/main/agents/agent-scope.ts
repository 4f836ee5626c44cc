/**
 * A scope of systemd for each agent: a control group of its own, outside of the daemon's unit, so that it outlives a
 * stop of that and the unit's limits are not the agents'. Names, commands and what the kernel's files say. Pure.
 */
import { groupLimits } from '../../shared/platform/control-groups.ts';
import type { AgentLimits } from './command.ts';

/** How this host's systemd is asked for scopes. */
export interface ScopeSupport {
  /** Path of systemd-run, and the options that every call has. */
  command: readonly string[];
  /** The daemon's unit: at a shutdown it ends before its agents do. */
  unit: string;
  /** Whether systemd takes OOMPolicy for a scope: 253 and later. */
  knowsOomPolicy: boolean;
}

export const AGENTS_SLICE = 'daemon-agents.slice';
/** Where its folder is, below that of the manager which it belongs to. */
export const AGENTS_FOLDER = `daemon.slice/${AGENTS_SLICE}`;
const SCOPE = /^daemon-agent-([A-Za-z0-9_-]+)-([0-9a-f]{8})-[0-9a-f]{6}\.scope$/;

/** FNV-1a: tells the daemons of one host apart, by their `work_dir`. */
export function ownerMark(owner: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(owner)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, '0');
}

/** A name that no other has: the scope before it may not be gone yet. `unique`: 6 hexadecimal digits. */
export function scopeName(agentId: string, owner: string, unique: string): string {
  return `daemon-agent-${agentId}-${ownerMark(owner)}-${unique}.scope`;
}

/** The agent that a scope, by its name, belongs to; null where it is none of this owner's. */
export function agentOfScope(name: string, owner: string): string | null {
  const [, id, mark] = SCOPE.exec(name) ?? [];
  return id !== undefined && mark === ownerMark(owner) ? id : null;
}

/** What goes before the agent's own command line: it makes the scope and replaces itself by what follows. */
export function scopeCommand(
  support: ScopeSupport,
  name: string,
  limits: AgentLimits,
  stopTimeoutMs: number,
): string[] {
  const { memoryBytes, memoryHighBytes, cpuPercent, tasks } = limits;
  const properties = [
    `Before=${support.unit}`,
    `TimeoutStopSec=${Math.ceil(stopTimeoutMs / 1000)}`, // at a shutdown it is systemd that ends it
    ...(memoryBytes > 0 ? [`MemoryMax=${memoryBytes}`] : []),
    ...(memoryBytes > 0 && support.knowsOomPolicy ? ['OOMPolicy=kill'] : []),
    ...(memoryHighBytes > 0 ? [`MemoryHigh=${memoryHighBytes}`] : []),
    ...(cpuPercent > 0 ? [`CPUQuota=${cpuPercent}%`] : []),
    ...(tasks > 0 ? [`TasksMax=${tasks}`] : []),
  ];
  return [...support.command, `--unit=${name}`, ...properties.map((property) => `--property=${property}`), '--'];
}

/** Files of the group without which a limit is not held, by the key that is then without effect. */
export function limitFiles(limits: AgentLimits): { key: string; file: string }[] {
  const files: Record<string, string> = {
    memory: 'memory.max',
    memory_high: 'memory.high',
    cpu: 'cpu.max',
    tasks: 'pids.max',
  };
  return groupLimits(limits).map((key) => ({ key, file: files[key] ?? '' }));
}
