/** The agents as families of metrics. Pure. What an agent does not have just now (a process, a heartbeat) is absent. */
import type { AgentStatus } from '../../shared/contracts/agent.ts';
import type { AgentUsage } from '../../shared/contracts/control.ts';
import type { CheckResult } from '../../shared/contracts/health.ts';
import type { ShownAgent } from '../../shared/contracts/status-page.ts';
import type { Family, Labels, Series } from './exposition.ts';

const STATES: AgentStatus[] = ['stopped', 'starting', 'running', 'stopping', 'restarting', 'failed'];
const CHECK_STATES: CheckResult['state'][] = ['ok', 'failing', 'off', 'unknown'];

/** `isFresh`: whether what an agent used was measured lately enough to be shown. */
export function agentFamilies(
  agents: readonly ShownAgent[],
  isFresh: (agentId: string, atMs: number) => boolean,
): Family[] {
  /** A series for each agent that has the figure. */
  const each = (figure: (agent: ShownAgent) => number | null, more: (agent: ShownAgent) => Labels = () => ({})) =>
    agents.flatMap((agent): Series[] => {
      const value = figure(agent);
      return value === null ? [] : [{ labels: { agent: agent.id, ...more(agent) }, value }];
    });
  const usage = (figure: (usage: AgentUsage) => number | null) =>
    each((agent) => (agent.usage && isFresh(agent.id, agent.usage.atMs) ? figure(agent.usage) : null));
  const unixSeconds = (ms: number): number | null => (ms > 0 ? ms / 1000 : null);
  return [
    {
      name: 'daemon_agent_info',
      type: 'gauge',
      help: 'Always 1; says what the agent is. The version is empty while it is not known.',
      series: each(
        () => 1,
        ({ name, type, version }) => ({ name, type, version }),
      ),
    },
    {
      name: 'daemon_agent_up',
      type: 'gauge',
      help: 'Whether the agent is running.',
      series: each(({ status }) => (status === 'running' ? 1 : 0)),
    },
    {
      name: 'daemon_agent_wanted',
      type: 'gauge',
      help: 'Whether the agent is meant to run.',
      series: each(({ wanted }) => (wanted ? 1 : 0)),
    },
    {
      name: 'daemon_agent_state',
      type: 'gauge',
      help: 'The state of the agent: 1 for the one that it is in.',
      series: agents.flatMap(({ id, status }) =>
        STATES.map((state) => ({ labels: { agent: id, state }, value: state === status ? 1 : 0 })),
      ),
    },
    {
      name: 'daemon_agent_restarts_total',
      type: 'counter',
      help: 'Restarts of the agent by its restart policy since it was first registered.',
      series: each(({ restarts }) => restarts),
    },
    {
      name: 'daemon_agent_start_time_seconds',
      type: 'gauge',
      help: 'When the process of the agent started, in Unix time.',
      series: each(({ startedAtMs }) => unixSeconds(startedAtMs)),
    },
    {
      name: 'daemon_agent_last_heartbeat_timestamp_seconds',
      type: 'gauge',
      help: 'When the last heartbeat of the agent came, in Unix time.',
      series: each(({ lastHeartbeatMs }) => unixSeconds(lastHeartbeatMs)),
    },
    {
      name: 'daemon_agent_cpu_ratio',
      type: 'gauge',
      help: 'CPU that the process group of the agent used between its last two checks; 1 is one core.',
      series: usage(({ cpuPercent }) => (cpuPercent === null ? null : cpuPercent / 100)),
    },
    {
      name: 'daemon_agent_resident_memory_bytes',
      type: 'gauge',
      help: 'Resident memory of the process group of the agent.',
      series: usage(({ rssBytes }) => rssBytes),
    },
    {
      name: 'daemon_agent_open_fds',
      type: 'gauge',
      help: 'Open file descriptors of the process group of the agent.',
      series: usage(({ openFiles }) => openFiles),
    },
    {
      name: 'daemon_agent_health_check',
      type: 'gauge',
      help: 'The last outcome of each health check of the agent: 1 for the state that it is in.',
      series: agents.flatMap(({ id, checks }) =>
        checks.flatMap(({ check, state: present }) =>
          CHECK_STATES.map((state) => ({ labels: { agent: id, check, state }, value: state === present ? 1 : 0 })),
        ),
      ),
    },
  ];
}
