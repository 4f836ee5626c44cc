/**
 * The configuration file: every key with its default, its limits and its text for the reference. Keys and defaults
 * come from the design document (5.1); the few that it lacks are marked so in their text.
 */
import { AGENT_TYPES } from '../contracts/agent.ts';
import type { Fields, ModelOf } from './fields.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const MB = 1000 * 1000;

const healthCheck = {
  interval: {
    kind: 'duration',
    name: 'intervalMs',
    default: 30 * SECOND,
    min: SECOND,
    max: DAY,
    doc: 'Time between two checks.',
  },
  heartbeat_timeout: {
    kind: 'duration',
    name: 'heartbeatTimeoutMs',
    default: 90 * SECOND,
    min: 0,
    max: DAY,
    doc: 'An agent whose last heartbeat is older counts as hung. 0 for an agent that sends none.',
  },
  cpu_threshold: {
    kind: 'number',
    name: 'cpuThresholdPercent',
    default: 50,
    min: 0,
    max: 100_000,
    doc: 'CPU use, in percent of one core, above which an agent is over its limit. 0 switches the check off.',
  },
  memory_threshold: {
    kind: 'size',
    name: 'memoryThresholdBytes',
    default: 524_288_000,
    min: 0,
    doc: 'Resident memory above which an agent is over its limit. 0 switches the check off.',
  },
  threshold_duration: {
    kind: 'duration',
    name: 'thresholdDurationMs',
    default: 60 * SECOND,
    min: 0,
    max: DAY,
    doc: 'How long an agent must be over a limit before that has a consequence.',
  },
  http_endpoint: {
    kind: 'url',
    name: 'httpEndpoint',
    default: '',
    doc: 'URL that answers 2xx or 3xx while the agent is well. Empty: not asked.',
  },
} as const satisfies Fields;

const restart = {
  max_retries: {
    kind: 'integer',
    name: 'maxRetries',
    default: 10,
    min: 0,
    max: 1_000_000,
    doc: 'Restarts without a quiet time between them after which the agent is `failed` and left alone.',
  },
  backoff_base: {
    kind: 'duration',
    name: 'backoffBaseMs',
    default: 10 * SECOND,
    min: 0,
    max: DAY,
    doc: 'Wait before the second restart; the first is at once, later ones wait up to `backoff_max`.',
  },
  backoff_max: {
    kind: 'duration',
    name: 'backoffMaxMs',
    default: 60 * SECOND,
    min: 0,
    max: DAY,
    doc: 'Longest wait before a restart.',
  },
  policy: {
    kind: 'choice',
    name: 'policy',
    choices: ['always', 'on-failure', 'never'],
    default: 'always',
    doc: 'Which ends of a process are followed by a restart. `on-failure`: all but exit code 0.',
  },
} as const satisfies Fields;

const agent = {
  id: {
    kind: 'string',
    name: 'id',
    default: null,
    maxLength: 100,
    pattern: { regexp: /^[A-Za-z0-9_-]+$/, says: 'letters, digits, `_` and `-`' },
    doc: 'Unique name, 1 to 100 letters, digits, `_` or `-`.',
  },
  type: { kind: 'choice', name: 'type', choices: AGENT_TYPES, default: null, doc: 'What kind of program it is.' },
  name: { kind: 'string', name: 'displayName', default: '', maxLength: 200, doc: 'Name to show; the id where empty.' },
  binary_path: { kind: 'path', name: 'binaryPath', default: null, doc: 'The program to run.' },
  config_file: {
    kind: 'path',
    name: 'configFile',
    default: '',
    doc: "The agent's own configuration file, if it has one.",
  },
  work_dir: {
    kind: 'path',
    name: 'workDir',
    default: '',
    doc: 'Working folder; `{daemon.work_dir}/agents/{id}` where empty.',
  },
  socket_path: {
    kind: 'path',
    name: 'socketPath',
    default: '',
    maxLength: 107,
    doc: "A Unix socket of this agent's own for its heartbeats. The shared one, `{daemon.work_dir}/heartbeat.sock`, takes them too.",
  },
  enabled: { kind: 'boolean', name: 'enabled', default: true, doc: 'Whether the daemon starts it.' },
  args: {
    kind: 'optional-string-list',
    name: 'args',
    doc: 'Arguments. Absent: what the type gives by default from config_file and work_dir.',
  },
  env: {
    kind: 'string-map',
    name: 'env',
    keyPattern: { regexp: /^[A-Za-z_][A-Za-z0-9_]*$/, says: 'letters, digits and `_`, not beginning with a digit' },
    doc: "Environment variables for it. Of the daemon's own only PATH, HOME, LANG, TZ and TMPDIR are passed on.",
  },
  health_check: {
    kind: 'section',
    name: 'healthCheck',
    fields: healthCheck,
    doc: 'Health checks; what is absent comes from `agent_defaults`.',
  },
  restart: {
    kind: 'section',
    name: 'restart',
    fields: restart,
    doc: 'Restart policy; what is absent comes from `agent_defaults`.',
  },
} as const satisfies Fields;

const interval = (minimum = SECOND) =>
  ({
    kind: 'duration',
    name: 'intervalMs',
    default: MINUTE,
    min: minimum,
    max: DAY,
    doc: 'Time between two collections.',
  }) as const;
const enabled = { kind: 'boolean', name: 'enabled', default: true, doc: 'Whether it runs.' } as const;

const plugin = {
  module: {
    kind: 'path',
    name: 'module',
    default: null,
    doc: 'Absolute path of an ES or CommonJS module; see docs/plugins.md.',
  },
  enabled,
  interval: interval(),
  timeout: {
    kind: 'duration',
    name: 'timeoutMs',
    default: 10 * SECOND,
    min: 100,
    max: 10 * MINUTE,
    doc: 'After this long a run is ended and counts as failed.',
  },
  options: { kind: 'free-map', name: 'options', doc: 'Handed to the plugin as it is.' },
} as const satisfies Fields;

export const SCHEMA = {
  daemon: {
    kind: 'section',
    name: 'daemon',
    doc: 'The daemon itself.',
    fields: {
      id: {
        kind: 'string',
        name: 'id',
        default: '',
        maxLength: 50,
        pattern: { regexp: /^\S(.*\S)?$/, says: 'one line without blanks around it' },
        doc: 'Node id. Empty: a UUID, made once and kept in `work_dir`.',
      },
      log_level: {
        kind: 'choice',
        name: 'logLevel',
        choices: ['debug', 'info', 'warn', 'error'],
        default: 'info',
        doc: 'Least severe level that is logged.',
      },
      log_file: {
        kind: 'path',
        name: 'logFile',
        default: '/var/log/daemon/daemon.log',
        also: ['-'],
        doc: 'Log file. `-`: standard output.',
      },
      log_max_size: {
        kind: 'size',
        name: 'logMaxBytes',
        default: 20 * MB,
        min: 1000,
        doc: 'Size at which the log file is rotated. (Not in the design document.)',
      },
      log_max_files: {
        kind: 'integer',
        name: 'logMaxFiles',
        default: 5,
        min: 0,
        max: 100,
        doc: 'Rotated log files kept. (Not in the design document.)',
      },
      pid_file: {
        kind: 'path',
        name: 'pidFile',
        default: '/var/run/daemon.pid',
        doc: 'Held by the one instance that runs.',
      },
      work_dir: {
        kind: 'path',
        name: 'workDir',
        default: '/var/lib/daemon',
        doc: 'State, agent folders and logs, the heartbeat socket.',
      },
      grpc_port: {
        kind: 'integer',
        name: 'grpcPort',
        default: 9091,
        min: 0,
        max: 65535,
        doc: 'Port of the operations that the Manager calls. Not served by this version.',
      },
      http_port: {
        kind: 'integer',
        name: 'httpPort',
        default: 0,
        min: 0,
        max: 65535,
        doc: 'Port for heartbeats over HTTP; 0: off. Not served by this version.',
      },
      pprof_port: { kind: 'ignored', name: 'ignored', doc: 'A setting of the Go daemon, without effect here.' },
      pprof_address: { kind: 'ignored', name: 'ignored', doc: 'A setting of the Go daemon, without effect here.' },
      max_procs: { kind: 'ignored', name: 'ignored', doc: 'A setting of the Go daemon, without effect here.' },
    },
  },
  manager: {
    kind: 'section',
    name: 'manager',
    required: true,
    doc: 'The Manager and how to reach it.',
    fields: {
      address: {
        kind: 'address',
        name: 'address',
        default: null,
        doc: 'HOST:PORT of the Manager; the certificate must carry HOST.',
      },
      tls: {
        kind: 'section',
        name: 'tls',
        doc: 'Mutual TLS 1.3.',
        fields: {
          cert_file: {
            kind: 'path',
            name: 'certFile',
            default: '/etc/daemon/certs/client.crt',
            doc: "The daemon's certificate (PEM).",
          },
          key_file: {
            kind: 'path',
            name: 'keyFile',
            default: '/etc/daemon/certs/client.key',
            doc: 'Its private key (PEM).',
          },
          ca_file: {
            kind: 'path',
            name: 'caFile',
            default: '/etc/daemon/certs/ca.crt',
            doc: "The CA that signed the Manager's certificate (PEM).",
          },
        },
      },
      heartbeat_interval: {
        kind: 'duration',
        name: 'heartbeatIntervalMs',
        default: MINUTE,
        min: SECOND,
        max: 2 * MINUTE,
        doc: 'Time between two heartbeats. The Manager counts a node as offline after 3 minutes without one.',
      },
      reconnect_interval: {
        kind: 'duration',
        name: 'reconnectIntervalMs',
        default: 10 * SECOND,
        min: 100,
        max: DAY,
        doc: 'Shortest wait before connecting again; waits grow to 10 times it, with full jitter.',
      },
      timeout: {
        kind: 'duration',
        name: 'timeoutMs',
        default: 30 * SECOND,
        min: 100,
        max: 10 * MINUTE,
        doc: 'Deadline of connecting and of each call.',
      },
    },
  },
  agents: {
    kind: 'section-list',
    name: 'agents',
    fields: agent,
    unique: 'id',
    inherits: 'agentDefaults',
    doc: 'The agents to supervise.',
  },
  agent_defaults: {
    kind: 'section',
    name: 'agentDefaults',
    doc: 'What agents inherit where they say nothing themselves.',
    fields: {
      health_check: { kind: 'section', name: 'healthCheck', fields: healthCheck, doc: 'As in `agents`.' },
      restart: { kind: 'section', name: 'restart', fields: restart, doc: 'As in `agents`.' },
    },
  },
  collectors: {
    kind: 'section',
    name: 'collectors',
    doc: "Collectors of the host's metrics.",
    fields: {
      cpu: { kind: 'section', name: 'cpu', fields: { enabled, interval: interval() }, doc: 'CPU use and load.' },
      memory: { kind: 'section', name: 'memory', fields: { enabled, interval: interval() }, doc: 'Memory and swap.' },
      disk: {
        kind: 'section',
        name: 'disk',
        fields: {
          enabled,
          interval: interval(),
          mount_points: {
            kind: 'string-list',
            name: 'mountPoints',
            default: [],
            doc: 'Mount points to report; empty: all.',
          },
        },
        doc: 'File systems and their devices.',
      },
      network: {
        kind: 'section',
        name: 'network',
        fields: {
          enabled,
          interval: interval(),
          interfaces: {
            kind: 'string-list',
            name: 'interfaces',
            default: [],
            doc: 'Interfaces to report; empty: all but loopback.',
          },
        },
        doc: 'Network interfaces.',
      },
      '*': {
        kind: 'named-sections',
        name: 'plugins',
        namePattern: {
          regexp: /^[a-z][a-z0-9_]{0,19}$/,
          says: '1 to 20 small letters, digits and `_`, beginning with a letter',
        },
        fields: plugin,
        doc: 'Any other name is a collector of your own, loaded from a module. (Not in the design document.)',
      },
    },
  },
  update: {
    kind: 'section',
    name: 'update',
    doc: 'Updates. Checked for form only: this version applies none.',
    fields: {
      download_dir: {
        kind: 'path',
        name: 'downloadDir',
        default: '/var/lib/daemon/downloads',
        doc: 'Where packages are downloaded to.',
      },
      backup_dir: {
        kind: 'path',
        name: 'backupDir',
        default: '/var/lib/daemon/backups',
        doc: 'Where replaced versions are kept.',
      },
      max_backups: {
        kind: 'integer',
        name: 'maxBackups',
        default: 5,
        min: 1,
        max: 1000,
        doc: 'Backups kept a component.',
      },
      verify_timeout: {
        kind: 'duration',
        name: 'verifyTimeoutMs',
        default: 300 * SECOND,
        min: SECOND,
        max: DAY,
        doc: 'How long a new version may take to prove itself.',
      },
      public_key_file: {
        kind: 'path',
        name: 'publicKeyFile',
        default: '/etc/daemon/keys/update.pub',
        doc: 'Key that packages must be signed with.',
      },
    },
  },
} as const satisfies Fields;

/** The single-agent form of before: one `agent` section. It has the keys of an entry of `agents`, id and type optional. */
export const LEGACY_AGENT_DEFAULTS = { id: 'agent', type: 'custom' } as const;

export type Config = ModelOf<typeof SCHEMA>;
export type AgentConfig = Config['agents'][number];
export type CollectorsConfig = Config['collectors'];
