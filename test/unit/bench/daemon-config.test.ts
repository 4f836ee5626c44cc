import { expect, test } from 'vitest';
import { renderConfig, sampleAgents } from '../../../bench/daemon-config.ts';
import { parseConfig } from '../../../src/shared/config/parse.ts';

const AT = { folder: '/h', tlsFolder: '/t', managerPort: 7001, agents: sampleAgents('/dist', '/usr/bin/node') };

function parsed(intervalMs: number | null) {
  const { config, diagnostics } = parseConfig(renderConfig({ ...AT, intervalMs }), 'daemon.yaml');
  expect(diagnostics).toEqual([]);
  return config;
}

test('the daemon takes it; what it does not name is as shipped', () => {
  const config = parsed(null);
  expect(config?.manager).toMatchObject({ addresses: ['127.0.0.1:7001'], heartbeatIntervalMs: 60_000 });
  expect(config?.manager.tls.keyFile).toBe('/t/client.key');
  expect(config?.collectors.disk.intervalMs).toBe(60_000);
  expect(config?.daemon).toMatchObject({ logLevel: 'info', logFile: '/h/daemon.log', workDir: '/h/work' });
  expect(config?.agents.map(({ id, args }) => [id, args])).toEqual([
    ['agent-1', ['/dist/sample-agent.js', '--name', 'agent-1', '--interval', '30s']],
    ['agent-2', ['/dist/sample-agent.js', '--name', 'agent-2', '--interval', '30s']],
    ['agent-3', ['/dist/sample-agent.js', '--name', 'agent-3', '--interval', '30s']],
  ]);
});

test('shortened intervals are those of heartbeats and of every collector', () => {
  const config = parsed(15_000);
  expect(config?.manager.heartbeatIntervalMs).toBe(15_000);
  const { cpu, memory, disk, network } = config?.collectors ?? {};
  expect([cpu, memory, disk, network].map((collector) => collector?.intervalMs)).toEqual(Array(4).fill(15_000));
});

test('further keys go beside the others of their section', () => {
  const keys = { daemon: { log_level: 'debug' }, manager: { reconnect_interval: '100ms' } };
  const { config, diagnostics } = parseConfig(renderConfig({ ...AT, intervalMs: null, keys }), 'daemon.yaml');
  expect(diagnostics).toEqual([]);
  expect(config?.daemon).toMatchObject({ logLevel: 'debug', logFile: '/h/daemon.log' });
  expect(config?.manager).toMatchObject({ reconnectIntervalMs: 100, heartbeatIntervalMs: 60_000 });
});

test('only an agent without heartbeats is not expected to send any', () => {
  const agents = [
    { id: 'silent', command: ['/bin/sleep', '1'] as const, sendsHeartbeats: false },
    { id: 'beating', command: ['/bin/sleep', '1'] as const },
  ];
  const { config, diagnostics } = parseConfig(renderConfig({ ...AT, agents, intervalMs: null }), 'daemon.yaml');
  expect(diagnostics).toEqual([]);
  expect(config?.agents.map(({ id, healthCheck }) => [id, healthCheck.heartbeatTimeoutMs])).toEqual([
    ['silent', 0],
    ['beating', 90_000],
  ]);
});
