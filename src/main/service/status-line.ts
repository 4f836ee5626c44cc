/** The line that `systemctl status` shows. Pure. */
import type { AgentStatus } from '../../shared/contracts/agent.ts';

const ORDER: readonly AgentStatus[] = ['running', 'starting', 'restarting', 'stopping', 'stopped', 'failed'];

/** `3 agents running, 1 failed; link to the Manager: connected`. `link`: its state in a word. */
export function statusLine(agents: readonly AgentStatus[], link: string): string {
  const counts = ORDER.flatMap((status) => {
    const count = agents.filter((one) => one === status).length;
    return count > 0 ? [{ status, count }] : [];
  });
  const words = counts.map(({ status, count }, index) => {
    const noun = count === 1 ? ' agent' : ' agents';
    return `${count}${index === 0 ? noun : ''} ${status}`;
  });
  return `${words.join(', ') || 'no agents'}; link to the Manager: ${link}`;
}
