import { describe, expect, test } from 'vitest';
import { agentOfScope, ownerMark, scopeCommand, scopeName } from '../../../../src/main/agents/agent-scope.ts';
import { NO_LIMITS } from '../../../fakes/agent-config.ts';

describe('names of scopes', () => {
  test('lead back to their agent, and to that of this owner only', () => {
    for (const id of ['a', 'web-1', 'a-0123abcd', '-', 'x'.repeat(100)]) {
      const name = scopeName(id, '/var/lib/daemon', '0a1b2c');
      expect(name.length).toBeLessThan(255);
      expect(agentOfScope(name, '/var/lib/daemon')).toBe(id);
      expect(agentOfScope(name, '/var/lib/other')).toBeNull();
    }
  });

  test.each([
    'daemon-agent-a.scope',
    `daemon-agent-a-${ownerMark('/w')}-0a1b2c.service`,
    `daemon-agent-a-${ownerMark('/w')}-0a1b2c.scope.d`,
    `x-daemon-agent-a-${ownerMark('/w')}-0a1b2c.scope`,
  ])('%s is none', (name) => {
    expect(agentOfScope(name, '/w')).toBeNull();
  });
});

describe('scopeCommand', () => {
  const support = { command: ['/usr/bin/systemd-run', '--scope'], unit: 'daemon.service', knowsOomPolicy: true };
  const all = { ...NO_LIMITS, memoryBytes: 1000, memoryHighBytes: 900, cpuPercent: 150, tasks: 7 };

  test('without limits it is a scope that outlives the daemon at a shutdown', () => {
    expect(scopeCommand(support, 'n.scope', NO_LIMITS, 1500)).toEqual([
      ...['/usr/bin/systemd-run', '--scope', '--unit=n.scope', '--property=Before=daemon.service'],
      ...['--property=TimeoutStopSec=2', '--'],
    ]);
  });

  test('each limit is a property of it', () => {
    expect(scopeCommand(support, 'n.scope', all, 1500).slice(5, -1)).toEqual(
      ['MemoryMax=1000', 'OOMPolicy=kill', 'MemoryHigh=900', 'CPUQuota=150%', 'TasksMax=7'].map(
        (p) => `--property=${p}`,
      ),
    );
    const old = scopeCommand({ ...support, knowsOomPolicy: false }, 'n.scope', all, 1500);
    expect(old).not.toContain('--property=OOMPolicy=kill');
  });
});
