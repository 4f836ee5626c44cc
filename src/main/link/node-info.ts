/**
 * What the daemon says about its host when it registers (design document 4.2), in both protocols. Pure. Lengths beyond
 * what the Manager's table takes would refuse the registration each time, so they are cut here and named.
 */
import type { AgentSnapshot } from '../../shared/contracts/agent.ts';
import type { HostFacts } from '../../shared/contracts/jobs.ts';
import type { RegisterRequest } from '../../shared/gen/daemon.ts';
import type { RegisterNodeRequest } from '../../shared/gen/manager.ts';
import { type AddressFacts, nodeAddress } from './node-address.ts';

const LIMITS = { nodeId: 50, hostname: 100, ip: 50, os: 50, arch: 20, daemonVersion: 20, agentVersion: 20 } as const;
const MAX_LABELS = 64;
const MAX_LABEL_VALUE = 256;
/** Architectures as the Manager's other daemons name them. */
const GO_ARCH: Record<string, string> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le', mipsel: 'mipsle' };
/** In the protocol where the Manager gives the node id, the host's own goes here: by it the host can be found again. */
const NODE_ID_LABEL = 'daemon.id';

export interface NodeFacts extends AddressFacts {
  nodeId: string;
  hostname: string;
  platform: string;
  arch: string;
  daemonVersion: string;
  agents: readonly AgentSnapshot[];
  host: HostFacts | null;
  /** Of the configuration: they win over facts of the same name. */
  labels: Readonly<Record<string, string>>;
}

interface Cut {
  text: string;
  cut: boolean;
}

function cutTo(text: string, length: number): Cut {
  const characters = [...text];
  return characters.length <= length ? { text, cut: false } : { text: characters.slice(0, length).join(''), cut: true };
}

/** The configuration's come first, so that facts are what is left out where there are too many. */
function labelsOf({ host, labels }: NodeFacts, shortened: string[]): Map<string, string> {
  const facts = {
    distribution: host?.os,
    kernel: host?.kernel,
    virtualization: host?.virtualization,
    container: host?.container,
    cloud: host?.cloud,
  };
  const found = new Map<string, string>();
  for (const [name, value] of [...Object.entries(labels), ...Object.entries(facts)]) {
    if (value === undefined || value === '' || found.has(name)) continue;
    const { text, cut } = cutTo(value, MAX_LABEL_VALUE);
    const room = found.size < MAX_LABELS;
    if (cut || !room) shortened.push(`labels.${name}`);
    if (room) found.set(name, text);
  }
  return found;
}

/** `shortened` names the fields and labels that were cut or left out. */
export function registration(facts: NodeFacts): { request: RegisterNodeRequest; shortened: string[] } {
  const { agents } = facts;
  const whole = {
    nodeId: facts.nodeId,
    hostname: facts.hostname,
    ip: nodeAddress(facts),
    os: facts.platform,
    arch: GO_ARCH[facts.arch] ?? facts.arch,
    daemonVersion: facts.daemonVersion,
    // one field for one agent: with several, each agent's state carries its own
    agentVersion: agents.length === 1 ? (agents[0]?.version ?? '') : '',
  };
  const shortened: string[] = [];
  const field = (name: keyof typeof LIMITS): string => {
    const { text, cut } = cutTo(whole[name], LIMITS[name]);
    if (cut) shortened.push(name);
    return text;
  };
  return {
    request: {
      nodeId: field('nodeId'),
      hostname: field('hostname'),
      ip: field('ip'),
      os: field('os'),
      arch: field('arch'),
      daemonVersion: field('daemonVersion'),
      agentVersion: field('agentVersion'),
      labels: labelsOf(facts, shortened),
    },
    shortened,
  };
}

/** The same for `proto.DaemonService`. */
export function daemonRegistration({ nodeId, labels, ...same }: RegisterNodeRequest): RegisterRequest {
  return { ...same, labels: new Map([...labels, [NODE_ID_LABEL, nodeId]]) };
}

/** Whether the Manager knows all of it already; labels in any order. */
export function sameRegistration(a: RegisterNodeRequest, b: RegisterNodeRequest): boolean {
  const { labels, ...fields } = a;
  const others: Record<string, unknown> = { ...b };
  if (Object.entries(fields).some(([name, value]) => others[name] !== value)) return false;
  return labels.size === b.labels.size && [...labels].every(([name, value]) => b.labels.get(name) === value);
}
