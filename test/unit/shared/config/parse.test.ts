import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../../src/shared/config/parse.ts';
import type { Config } from '../../../../src/shared/config/schema.ts';

const MANAGER = 'manager: {address: "m.example.com:9090"}\n';

/** The configuration that a text gives; the text's errors fail the test. */
function configOf(text: string): Config {
  const { config, diagnostics } = parseConfig(text, 'f.yaml');
  if (config === null) throw new Error(diagnostics.map(({ keyPath, message }) => `${keyPath} ${message}`).join('\n'));
  return config;
}

/** `LINE:COLUMN keyPath` of each error. */
function errorsOf(text: string): string[] {
  const { diagnostics } = parseConfig(text, 'f.yaml');
  return diagnostics
    .filter(({ severity }) => severity === 'error')
    .map(({ line, column, keyPath }) => `${line}:${column} ${keyPath}`);
}

describe('defaults', () => {
  it("are the design document's where only the address is given", () => {
    expect(configOf(MANAGER)).toEqual({
      daemon: {
        id: '',
        logLevel: 'info',
        logFile: '/var/log/daemon/daemon.log',
        logMaxBytes: 20_000_000,
        logMaxFiles: 5,
        pidFile: '/var/run/daemon.pid',
        workDir: '/var/lib/daemon',
        agentLogMaxBytes: 100_000_000,
        agentLogMaxFiles: 7,
        agentLogMaxAgeMs: 0,
        grpcPort: 9091,
        httpPort: 0,
        advertiseAddress: '',
        labels: {},
        footprint: 'full',
        auditLogFile: '/var/log/daemon/audit.log',
      },
      manager: {
        addresses: ['m.example.com:9090'],
        protocol: 'auto',
        proxy: '',
        tls: {
          off: false,
          keyPassphraseFile: '',
          certFile: '/etc/daemon/certs/client.crt',
          keyFile: '/etc/daemon/certs/client.key',
          caFile: '/etc/daemon/certs/ca.crt',
        },
        heartbeatIntervalMs: 60_000,
        reconnectIntervalMs: 10_000,
        timeoutMs: 30_000,
        keepaliveIntervalMs: 30_000,
        queueMaxBytes: 64 * 1024 * 1024,
        queueMaxAgeMs: 86_400_000,
      },
      agents: [],
      agentDefaults: {
        healthCheck: {
          intervalMs: 30_000,
          heartbeatTimeoutMs: 90_000,
          cpuThresholdPercent: 50,
          memoryThresholdBytes: 524_288_000,
          thresholdDurationMs: 60_000,
          httpEndpoint: '',
          httpTimeoutMs: 5000,
          failures: 0,
        },
        restart: {
          maxRetries: 10,
          backoffBaseMs: 10_000,
          backoffMaxMs: 60_000,
          policy: 'always',
          noRestartExitCodes: [],
        },
      },
      collectors: {
        cpu: { enabled: true, intervalMs: 60_000 },
        memory: { enabled: true, intervalMs: 60_000 },
        disk: { enabled: true, intervalMs: 60_000, mountPoints: [] },
        network: { enabled: true, intervalMs: 60_000, interfaces: [] },
        plugins: {},
      },
      server: { tls: 'on', allowedNames: [] },
      remote: { allow: ['list', 'metrics', 'config', 'start', 'stop', 'restart', 'update'] },
      status: { listen: '', metrics: true },
      update: {
        downloadDir: '/var/lib/daemon/downloads',
        backupDir: '/var/lib/daemon/backups',
        maxBackups: 5,
        verifyTimeoutMs: 300_000,
        publicKeyFile: '/etc/daemon/keys/update.pub',
        verifyMs: 30_000,
        trustedHosts: [],
        allowHttpLoopback: false,
        maxBytes: 1_000_000_000,
        downloadTimeoutMs: 1_800_000,
        minBytesPerSecond: 1000,
        rateLimit: 0,
      },
    });
  });

  it.each(['daemon:', 'daemon: ~', 'daemon: {id: null}', 'agents:', 'agent:', 'collectors: {cpu: }', 'agents: []'])(
    'also stand in for what says nothing: %s',
    (line) => {
      expect(configOf(`${MANAGER}${line}\n`)).toEqual(configOf(MANAGER));
    },
  );
});

describe('agents', () => {
  const agent = (more: string) => `  - {binary_path: /opt/a, type: custom, ${more}}\n`;

  it('inherit key by key from agent_defaults, then from the schema', () => {
    const { agents } = configOf(`${MANAGER}
agent_defaults:
  health_check: {interval: 10s, cpu_threshold: 20}
  restart: {max_retries: 3, policy: never}
agents:
${agent('id: a, health_check: {cpu_threshold: 0}, restart: {policy: on-failure}')}${agent('id: b')}`);
    expect(agents.map(({ healthCheck, restart }) => [healthCheck, restart])).toMatchObject([
      [
        { intervalMs: 10_000, cpuThresholdPercent: 0, heartbeatTimeoutMs: 90_000 },
        { maxRetries: 3, policy: 'on-failure', backoffBaseMs: 10_000 },
      ],
      [
        { intervalMs: 10_000, cpuThresholdPercent: 20, heartbeatTimeoutMs: 90_000 },
        { maxRetries: 3, policy: 'never', backoffBaseMs: 10_000 },
      ],
    ]);
  });

  it('have a folder of their own below work_dir where they name none', () => {
    const text = `${MANAGER}daemon: {work_dir: /srv/d}\nagents:\n${agent('id: a')}${agent('id: b, work_dir: /srv/b')}`;
    expect(configOf(text).agents.map(({ workDir }) => workDir)).toEqual(['/srv/d/agents/a', '/srv/b']);
  });

  it('tell absent arguments from none', () => {
    const text = `${MANAGER}agents:\n${agent('id: a')}${agent('id: b, args: []')}${agent('id: c, args: [-x, "1"]')}`;
    expect(configOf(text).agents.map(({ args }) => args)).toEqual([null, [], ['-x', '1']]);
  });

  it('take any name of a variable as an own property', () => {
    const { agents } = configOf(`${MANAGER}agents:\n${agent('id: a, env: {__proto__: "1", PATH: ""}')}`);
    expect(Object.entries(agents[0]?.env ?? {})).toEqual([
      ['__proto__', '1'],
      ['PATH', ''],
    ]);
  });

  it('count their own work_dir and that of another agent by default as the same', () => {
    const text = `${MANAGER}agents:\n${agent('id: a, work_dir: /var/lib/daemon/agents/b')}${agent('id: b')}`;
    expect(errorsOf(text)).toEqual(['4:5 agents[1].work_dir']);
  });

  it.each([
    [107 - '/heartbeat.sock'.length, []],
    [108 - '/heartbeat.sock'.length, ['2:20 daemon.work_dir']],
  ])('share a socket: work_dir of %d bytes', (bytes, expected) => {
    expect(errorsOf(`${MANAGER}daemon: {work_dir: "/${'w'.repeat(bytes - 1)}"}\n`)).toEqual(expected);
  });

  it.each([
    ['a'.repeat(106), 0],
    ['a'.repeat(107), 1],
    // three bytes each
    ['采'.repeat(36), 1],
    ['采'.repeat(35), 0],
  ])('have sockets of at most 107 bytes', (name, errors) => {
    expect(errorsOf(`${MANAGER}agents:\n${agent(`id: a, socket_path: "/${name}"`)}`)).toHaveLength(errors);
  });

  it.each([
    ['a', true],
    ['A-b_9', true],
    ['a'.repeat(100), true],
    ['a'.repeat(101), false],
    ['a.b', false],
    ['..', false],
    ['a/b', false],
    ['', false],
    ['é', false],
  ])('id %j: %s', (id, valid) => {
    expect(errorsOf(`${MANAGER}agents:\n${agent(`id: "${id}"`)}`)).toEqual(valid ? [] : ['3:45 agents[0].id']);
  });

  it('say nothing about values that depend on a wrong one', () => {
    const text = `${MANAGER}agent_defaults: {restart: {backoff_max: 5}}\nagents:\n${agent('id: a, restart: {backoff_base: 5m}')}`;
    expect(errorsOf(text)).toEqual(['2:41 agent_defaults.restart.backoff_max']);
  });
});

describe('the single-agent form', () => {
  it('is a list of one, with id and type by default', () => {
    const { agents } = configOf(
      `${MANAGER}agent_defaults: {restart: {policy: never}}\nagent: {binary_path: /opt/a, health_check: {interval: 5s}}\n`,
    );
    expect(agents).toMatchObject([
      {
        id: 'agent',
        type: 'custom',
        binaryPath: '/opt/a',
        workDir: '/var/lib/daemon/agents/agent',
        healthCheck: { intervalMs: 5000 },
        restart: { policy: 'never' },
      },
    ]);
  });

  it('takes id and type', () => {
    const { agents } = configOf(`${MANAGER}agent: {id: fb, type: filebeat, binary_path: /opt/a}\n`);
    expect(agents).toMatchObject([{ id: 'fb', type: 'filebeat' }]);
  });

  it('gives way to the list, with a warning', () => {
    const { config, diagnostics } = parseConfig(
      `${MANAGER}agent: {binary_path: /opt/a}\nagents:\n  - {id: b, type: custom, binary_path: /opt/b}\n`,
      'f.yaml',
    );
    expect(config?.agents.map(({ id }) => id)).toEqual(['b']);
    expect(diagnostics).toMatchObject([{ severity: 'warning', keyPath: 'agent', line: 2, column: 1 }]);
  });
});

describe('collectors', () => {
  it('of the user are sections under any other name', () => {
    const { plugins } = configOf(
      `${MANAGER}collectors:\n  queue: {module: /opt/q.mjs, options: {a: [1, {b: null}]}}\n  cpux: {module: /opt/c.mjs, enabled: false}\n`,
    ).collectors;
    expect(plugins).toEqual({
      queue: {
        module: '/opt/q.mjs',
        enabled: true,
        intervalMs: 60_000,
        timeoutMs: 10_000,
        options: { a: [1, { b: null }] },
      },
      cpux: { module: '/opt/c.mjs', enabled: false, intervalMs: 60_000, timeoutMs: 10_000, options: {} },
    });
  });

  it.each([
    ['queue: ', '3:3 collectors.queue.module'],
    ['queue: {}', '3:3 collectors.queue.module'],
    ['queue: 1', '3:10 collectors.queue'],
    ['Queue: {module: /opt/q.mjs}', '3:3 collectors.Queue'],
    ['"*": {module: /opt/q.mjs}', '3:3 collectors["*"]'],
    ['dsk: ', '3:3 collectors.dsk'],
  ])('%s is an error', (line, expected) => {
    expect(errorsOf(`${MANAGER}collectors:\n  ${line}\n`)).toEqual([expected]);
  });
});

describe('values', () => {
  it.each([
    ['daemon: {log_file: "-"}', []],
    ['daemon: {pid_file: "-"}', ['2:20 daemon.pid_file']],
    ['daemon: {log_file: ""}', ['2:20 daemon.log_file']],
    ['daemon: {work_dir: "/a\\0b"}', ['2:20 daemon.work_dir']],
    ['daemon: {id: " a"}', ['2:14 daemon.id']],
    [`daemon: {id: ${'采'.repeat(50)}}`, []],
    [`daemon: {id: ${'x'.repeat(51)}}`, ['2:14 daemon.id']],
    ['daemon: {grpc_port: 65536}', ['2:21 daemon.grpc_port']],
    ['daemon: {grpc_port: 9.5}', ['2:21 daemon.grpc_port']],
    ['daemon: {grpc_port: 0x10}', []],
    ['daemon: {log_max_size: 1e300}', ['2:24 daemon.log_max_size']],
    ['daemon: {log_max_size: 5000000}', []],
    ['agent_defaults: {health_check: {cpu_threshold: .nan}}', ['2:48 agent_defaults.health_check.cpu_threshold']],
    ['agent_defaults: {health_check: {heartbeat_timeout: 0}}', []],
    ['agent_defaults: {health_check: {interval: 0}}', ['2:43 agent_defaults.health_check.interval']],
    ['collectors: {disk: {mount_points: [/, 5]}}', ['2:39 collectors.disk.mount_points[1]']],
    ['collectors: {disk: {mount_points: [[/]]}}', ['2:36 collectors.disk.mount_points[0]']],
    ['collectors: {cpu: {enabled: "true"}}', ['2:29 collectors.cpu.enabled']],
    ['__proto__: {a: 1}', ['2:1 __proto__']],
    ['constructor: 1', ['2:1 constructor']],
    ['"a b": 1', ['2:1 ["a b"]']],
  ])('%s', (line, expected) => {
    expect(errorsOf(`${MANAGER}${line}\n`)).toEqual(expected);
  });
});

describe('YAML', () => {
  it('may use anchors, aliases and merge keys', () => {
    const { agents } = configOf(`${MANAGER}agents:
  - &base
    id: a
    type: custom
    binary_path: /opt/a
    restart: &r {max_retries: 1}
  - {<<: *base, id: b}
  - {<<: [*base, {type: filebeat, enabled: false}], id: c, restart: *r}
`);
    expect(agents).toMatchObject([
      { id: 'a', restart: { maxRetries: 1 } },
      { id: 'b', type: 'custom', binaryPath: '/opt/a', restart: { maxRetries: 1 } },
      { id: 'c', type: 'custom', enabled: false, restart: { maxRetries: 1 } },
    ]);
  });

  it('lets many agents use one alias', () => {
    const entries = Array.from({ length: 500 }, (_, i) => `  - {<<: *base, id: a${i}}\n`).join('');
    const text = `${MANAGER}agents:\n  - &base {id: a, type: custom, binary_path: /opt/a}\n${entries}`;
    expect(configOf(text).agents).toHaveLength(501);
  });

  it.each([
    ['a bomb of aliases', bomb(), 'aliases stand for more than 100000 values'],
    ['an alias in itself', 'a: &a {b: *a}', 'the alias *a stands inside what it stands for'],
    ['a merge of no section', 'a: {<<: 1}', '`<<` merges sections, and this is none'],
    ['a list as key', '? [a]\n: 1', 'a key must be a plain word'],
    ['no key', ': 1', 'a key is missing before the colon'],
    ['a tag', 'a: !x 1', 'the tag !x is not known; tags are not used in this file'],
    ['depth', '['.repeat(100) + ']'.repeat(100), 'sections are nested more than 64 levels deep'],
    ['more depth than the stack', '['.repeat(50_000), 'sections are nested more than 64 levels deep'],
  ])('refuses %s', (_, text, message) => {
    const { config, diagnostics } = parseConfig(text, 'f.yaml');
    expect(config).toBeNull();
    expect(diagnostics).toMatchObject([{ code: 'D1001', message }]);
  });

  it('keeps to YAML 1.2 whatever the file says', () => {
    const text = `%YAML 1.1\n---\n${MANAGER}daemon: {id: yes}\n`;
    expect(configOf(text).daemon.id).toBe('yes');
  });

  it('takes CRLF and a byte order mark, with the same places', () => {
    const { diagnostics } = parseConfig('\uFEFFmanager:\r\n  address: 5\r\n', 'f.yaml');
    expect(diagnostics).toMatchObject([{ line: 2, column: 12, source: '  address: 5' }]);
  });

  it('finds every syntax error that the parser sees', () => {
    const { diagnostics } = parseConfig('a: b: c\nd: e: f\n', 'f.yaml');
    expect(diagnostics.map(({ code, line, column }) => [code, line, column])).toEqual([
      ['D1001', 1, 4],
      ['D1001', 2, 4],
    ]);
  });
});

describe('diagnostics', () => {
  it('end after a hundred, with the count of the others', () => {
    const { diagnostics } = parseConfig(MANAGER + Array.from({ length: 150 }, (_, i) => `key${i}: 1\n`).join(''), 'f');
    expect(diagnostics).toHaveLength(101);
    expect(diagnostics.at(-1)).toMatchObject({ severity: 'error', message: '50 more problems are not shown', line: 0 });
  });

  it('never carry the value of a variable', () => {
    const text = `${MANAGER}agents: [{id: a, type: custom, binary_path: /a, env: {A: hunter2, B: 4711, C: [hunter2]}}]\n`;
    const { diagnostics } = parseConfig(text, 'f.yaml');
    expect(diagnostics.map(({ keyPath }) => keyPath)).toEqual(['agents[0].env.B', 'agents[0].env.C']);
    expect(JSON.stringify(diagnostics)).not.toMatch(/hunter2|4711/);
  });
});

/** Nine times nine times nine: what each line stands for is nine of the line before. */
function bomb(): string {
  const lines = ['l0: &l0 [x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 12; i++)
    lines.push(
      `l${i}: &l${i} [${Array(9)
        .fill(`*l${i - 1}`)
        .join(', ')}]`,
    );
  return lines.join('\n');
}
