import { describe, expect, test } from 'vitest';
import { planReload } from '../../../../src/main/agents/reload-plan.ts';
import { parseConfig } from '../../../../src/shared/config/parse.ts';
import type { AgentConfig, Config } from '../../../../src/shared/config/schema.ts';
import { agentConfig, NO_LIMITS } from '../../../fakes/agent-config.ts';

const { config: DEFAULT } = parseConfig('manager: {address: "m:1"}\n', 'x');
const config = (agents: AgentConfig[] = [], over: Partial<Config> = {}): Config => {
  if (!DEFAULT) throw new Error('the default configuration is invalid');
  return { ...DEFAULT, agents, ...over };
};
const NONE = { add: [], remove: [], start: [], stop: [], restart: [], update: [] };
const agent = (id: string, over: Partial<AgentConfig> = {}): AgentConfig => agentConfig({ id, ...over });

describe('planReload', () => {
  test('the same configuration means nothing', () => {
    const same = (): Config => config([agent('a', { env: { A: '1', B: '2' } }), agent('b')]);
    expect(planReload(same(), same())).toEqual({
      agents: NONE,
      collectors: [],
      link: false,
      log: false,
      needsRestart: [],
      changes: [],
    });
  });

  test('agents that come, go, and are switched on and off; their order means nothing', () => {
    const old = config([agent('a'), agent('gone'), agent('off'), agent('on', { enabled: false })]);
    const next = config([agent('on'), agent('new'), agent('off', { enabled: false }), agent('a')]);
    expect(planReload(old, next).agents).toEqual({
      ...NONE,
      add: ['new'],
      remove: ['gone'],
      start: ['on'],
      stop: ['off'],
    });
  });

  const { healthCheck, restart } = agent('a');
  test.each<[string, Partial<AgentConfig>, 'restart' | 'update']>([
    ['another program', { binaryPath: '/opt/b' }, 'restart'],
    ['other arguments', { args: ['-v'] }, 'restart'],
    ['another environment', { env: { A: '1' } }, 'restart'],
    ['another folder', { workDir: '/elsewhere' }, 'restart'],
    ['another socket, which is in its environment', { socketPath: '/x.sock' }, 'restart'],
    ['another user', { user: 'nobody' }, 'restart'],
    [
      'other limits',
      { limits: { ...NO_LIMITS, openFiles: 9, processes: 0, addressSpaceBytes: 0, coreBytes: null } },
      'restart',
    ],
    ['another type with the same arguments', { type: 'telegraf', args: [] }, 'update'],
    ['thresholds', { healthCheck: { ...healthCheck, cpuThresholdPercent: 5 } }, 'update'],
    ['an interval', { healthCheck: { ...healthCheck, intervalMs: 5000 } }, 'update'],
    ['the restart policy', { restart: { ...restart, policy: 'never' } }, 'update'],
    ['a name', { displayName: 'A' }, 'update'],
    ['times', { stopTimeoutMs: 1, startMs: 1, after: ['b'] }, 'update'],
  ])('%s: %s → %s', (_, over, list) => {
    const plan = planReload(config([agent('a')]), config([agent('a', over)]));
    expect(plan.agents).toEqual({ ...NONE, [list]: ['a'] });
    expect(plan.changes.length).toBeGreaterThan(0);
  });

  test('a disabled agent is never restarted', () => {
    const old = config([agent('a', { enabled: false })]);
    expect(planReload(old, config([agent('a', { enabled: false, args: ['x'] })])).agents.restart).toEqual([]);
  });

  test('each changed key path is one line, old and new, but no value of an environment', () => {
    const old = config([agent('a', { env: { TOKEN: 'old-secret', SAME: '1' } })]);
    const next = config([agent('a', { args: ['x'.repeat(500)], env: { TOKEN: 'new-secret', SAME: '1' } }), agent('b')]);
    const { changes } = planReload(old, next);
    expect(changes).toHaveLength(3);
    expect(changes).toContain('agents[a].env.TOKEN: changed');
    expect(changes).toContain('agents[b]: new');
    expect(changes.find((line) => line.startsWith('agents[a].args: [] → ["xxx'))?.length).toBeLessThan(300);
    expect(changes.join()).not.toContain('secret');
  });

  test('secrets are in no line of a change, where one is cut neither', () => {
    const { collectors, manager } = config();
    const of = (secret: string): Config => {
      const plugin = { module: '/p.mjs', enabled: true, intervalMs: 1000, timeoutMs: 1000 };
      const options = { apiKey: secret, auth: { token: { of: secret } }, depth: secret.length };
      const args = ['-v', '--password', secret, `--token=a ${secret}`, `http://${'x'.repeat(90)}:${secret}@host/`];
      return config([agent('token-svc', { args, displayName: secret.slice(-3) })], {
        collectors: { ...collectors, plugins: { mine: { ...plugin, options } } },
        manager: { ...manager, proxy: `http://u:${secret}@proxy:1` },
      });
    };
    const { changes } = planReload(of('hunter-one'), of('hunter-three'));
    expect(changes.join('\n')).not.toContain('hunter');
    expect(changes).toContain('agents[token-svc].displayName: "one" → "ree"');
    expect(changes).toContain('collectors.plugins.mine.options.apiKey: [secret] → [secret]');
    expect(changes).toContain('manager.proxy: "http://[credentials]@proxy:1" → "http://[credentials]@proxy:1"');
  });

  test('collectors, the link and the log follow; what cannot is named', () => {
    const old = config();
    const { collectors, manager, daemon } = old;
    const plugin = { module: '/p.mjs', enabled: true, intervalMs: 1000, timeoutMs: 1000, options: {} };
    const plan = planReload(
      old,
      config([], {
        collectors: { ...collectors, cpu: { enabled: false, intervalMs: 1 }, plugins: { mine: plugin } },
        manager: { ...manager, timeoutMs: 1 },
        daemon: { ...daemon, logLevel: 'debug', workDir: '/x', agentLogMaxFiles: 1 },
      }),
    );
    expect(plan).toMatchObject({
      collectors: ['cpu', 'mine'],
      link: true,
      log: true,
      needsRestart: ['daemon.workDir'],
    });
  });

  test('what waits for the Manager has other bounds without a new connection, everything else of it has not', () => {
    const old = config();
    const bounds = { ...old.manager, queueMaxBytes: 5, queueMaxAgeMs: 6 };
    expect(planReload(old, config([], { manager: bounds })).link).toBe(false);
    expect(planReload(old, config([], { manager: { ...bounds, addresses: ['n:1'] } })).link).toBe(true);
  });

  test('labels are taken over as they are, the server’s TLS with the next start', () => {
    const old = config();
    const daemon = { ...old.daemon, labels: { rack: 'a' }, advertiseAddress: '10.0.0.1' };
    expect(planReload(old, config([], { daemon })).needsRestart).toEqual([]);
    expect(planReload(old, config([], { server: { ...old.server, tls: 'off' } })).needsRestart).toEqual(['server.tls']);
  });
});
