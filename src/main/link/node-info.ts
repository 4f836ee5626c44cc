/**
 * What the daemon says about its host when it registers (design document 4.2). Pure. Lengths beyond what the Manager's table takes would refuse the registration each time, so they are cut here.
 */
import type { AgentSnapshot } from '../../shared/contracts/agent.ts';
import type { HostFacts } from '../../shared/contracts/jobs.ts';
import type { RegisterNodeRequest } from '../../shared/gen/manager.ts';

const LIMITS = { nodeId: 50, hostname: 100, ip: 50, os: 50, arch: 20, daemonVersion: 20, agentVersion: 20 } as const;
/** Architectures as the Manager's other daemons name them. */
const GO_ARCH: Record<string, string> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le', mipsel: 'mipsle' };

export interface NodeFacts {
  nodeId: string;
  hostname: string;
  ip: string;
  platform: string;
  arch: string;
  daemonVersion: string;
  agents: readonly AgentSnapshot[];
  host: HostFacts | null;
}

/** `shortened` names the fields that were cut. */
export function registration(facts: NodeFacts): { request: RegisterNodeRequest; shortened: string[] } {
  const { host, agents } = facts;
  const labels = new Map<string, string>();
  for (const [name, value] of Object.entries({
    distribution: host?.os,
    kernel: host?.kernel,
    virtualization: host?.virtualization,
  })) {
    if (value) labels.set(name, value);
  }
  const whole = {
    nodeId: facts.nodeId,
    hostname: facts.hostname,
    ip: facts.ip,
    os: facts.platform,
    arch: GO_ARCH[facts.arch] ?? facts.arch,
    daemonVersion: facts.daemonVersion,
    // one field for one agent: with several, each agent's state carries its own
    agentVersion: agents.length === 1 ? (agents[0]?.version ?? '') : '',
  };
  const shortened: string[] = [];
  const cut = (name: keyof typeof LIMITS): string => {
    const characters = [...whole[name]];
    if (characters.length <= LIMITS[name]) return whole[name];
    shortened.push(name);
    return characters.slice(0, LIMITS[name]).join('');
  };
  return {
    request: {
      nodeId: cut('nodeId'),
      hostname: cut('hostname'),
      ip: cut('ip'),
      os: cut('os'),
      arch: cut('arch'),
      daemonVersion: cut('daemonVersion'),
      agentVersion: cut('agentVersion'),
      labels,
    },
    shortened,
  };
}
