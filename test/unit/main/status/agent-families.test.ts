import { describe, expect, test } from 'vitest';
import { agentFamilies } from '../../../../src/main/status/agent-families.ts';
import { renderFamilies } from '../../../../src/main/status/exposition.ts';
import type { ShownAgent } from '../../../../src/shared/contracts/status-page.ts';
import { agentView } from '../../../fakes/status-sources.ts';

const lines = (agents: ShownAgent[], isFresh: (id: string, atMs: number) => boolean = () => true): string[] =>
  renderFamilies(agentFamilies(agents, isFresh))
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
const agent = (over: Partial<ShownAgent> = {}): ShownAgent => ({ ...agentView('a'), checks: [], ...over });

describe('agentFamilies', () => {
  test('exactly one state is 1, and up goes by running alone', () => {
    const got = lines([agent({ status: 'restarting', restarts: 3 })]);
    expect(got.filter((line) => line.startsWith('daemon_agent_state'))).toEqual([
      'daemon_agent_state{agent="a",state="stopped"} 0',
      'daemon_agent_state{agent="a",state="starting"} 0',
      'daemon_agent_state{agent="a",state="running"} 0',
      'daemon_agent_state{agent="a",state="stopping"} 0',
      'daemon_agent_state{agent="a",state="restarting"} 1',
      'daemon_agent_state{agent="a",state="failed"} 0',
    ]);
    expect(got).toContain('daemon_agent_up{agent="a"} 0');
    expect(got).toContain('daemon_agent_restarts_total{agent="a"} 3');
    expect(lines([agent()])).toContain('daemon_agent_up{agent="a"} 1');
  });

  test('what an agent does not have is absent, never 0', () => {
    const names = lines([agent()]).map((line) => line.replace(/[{ ].*/, ''));
    expect(new Set(names)).toEqual(
      new Set([
        ...['daemon_agent_info', 'daemon_agent_up', 'daemon_agent_wanted', 'daemon_agent_state'],
        'daemon_agent_restarts_total',
      ]),
    );
  });

  test('what it used, as a ratio of one core, while that is fresh', () => {
    const busy = agent({ usage: { atMs: 5, cpuPercent: 250, rssBytes: 1000, openFiles: null } });
    const asked: [string, number][] = [];
    const fresh = lines([busy], (id, atMs) => asked.push([id, atMs]) > 0);
    expect(fresh).toContain('daemon_agent_cpu_ratio{agent="a"} 2.5');
    expect(fresh).toContain('daemon_agent_resident_memory_bytes{agent="a"} 1000');
    expect(fresh.join()).not.toContain('open_fds');
    expect(asked).toContainEqual(['a', 5]);
    expect(lines([busy], () => false).join()).not.toMatch(/cpu_ratio|resident/);
  });

  test('each check has one state that is 1', () => {
    const checks = [{ check: 'http', state: 'failing', reason: 'x', sinceMs: 0, failures: 1 } as const];
    expect(lines([agent({ checks: [...checks] })]).filter((line) => line.includes('health_check'))).toEqual([
      'daemon_agent_health_check{agent="a",check="http",state="ok"} 0',
      'daemon_agent_health_check{agent="a",check="http",state="failing"} 1',
      'daemon_agent_health_check{agent="a",check="http",state="off"} 0',
      'daemon_agent_health_check{agent="a",check="http",state="unknown"} 0',
    ]);
  });
});
