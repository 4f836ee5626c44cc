/**
 * Something that happened on the host and that nobody could ask for afterwards. The daemon remembers all of it for the
 * people of this host; what is in FOR_MANAGER is kept until the Manager has it too.
 */
const FOR_MANAGER = [
  'agent-exited',
  'agent-failed',
  'alert-raised',
  'alert-cleared',
  'certificate',
  'reports-lost',
] as const;

export type HostEventKind =
  | (typeof FOR_MANAGER)[number]
  | 'daemon-started'
  | 'daemon-stopping'
  | 'config-reloaded'
  | 'config-refused'
  | 'agent-started'
  | 'agent-adopted'
  | 'agent-restarting'
  | 'agent-stopped'
  | 'agent-unhealthy'
  | 'update-begun'
  | 'update-done'
  | 'update-failed'
  | 'update-rolled-back'
  | 'link-connected'
  | 'link-lost';

export interface HostEvent {
  kind: HostEventKind;
  /** Empty where it is not about an agent. */
  agentId: string;
  /** For a person. */
  message: string;
  details: Record<string, string>;
  /** Of the agent's output, oldest first. */
  lastLines: readonly string[];
}

export function isForManager({ kind }: HostEvent): boolean {
  return FOR_MANAGER.some((known) => known === kind);
}
