/** Something that happened on the host and that nobody could ask for afterwards: kept until the Manager has it. */
export type HostEventKind =
  | 'agent-exited'
  | 'agent-failed'
  | 'alert-raised'
  | 'alert-cleared'
  | 'certificate'
  | 'reports-lost';

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
