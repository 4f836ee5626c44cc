/**
 * The configuration file: every key with its default, its limits and its text for the reference. Keys and defaults
 * come from the design document (5.1); the few that it lacks are marked so in their text.
 */

import { REMOTE_OPERATIONS } from '../contracts/remote.ts';
import type { Fields, ModelOf } from './fields.ts';
import { agent, healthCheck, restart } from './schema-agent.ts';
import { collectors } from './schema-collectors.ts';
import { status } from './schema-status.ts';
import { update } from './schema-update.ts';
import { DAY, KB, MB, MIB, MINUTE, SECOND } from './units.ts';

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
      agent_log_max_size: {
        kind: 'size',
        name: 'agentLogMaxBytes',
        default: 100 * MB,
        min: 100 * KB,
        doc: "Size at which an agent's log is rotated; see docs/agent-logs.md. (Not in the design document.)",
      },
      agent_log_max_files: {
        kind: 'integer',
        name: 'agentLogMaxFiles',
        default: 7,
        min: 0,
        max: 1000,
        doc: 'Rotated log files kept for each agent. (Not in the design document.)',
      },
      agent_log_max_age: {
        kind: 'duration',
        name: 'agentLogMaxAgeMs',
        default: 0,
        min: 0,
        max: 3650 * DAY,
        doc: "Age at which agents' rotated logs are removed. 0: they are kept by count only. (Not in the design document.)",
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
        doc: 'Port of the operations that the Manager calls; see `server`. 0: off.',
      },
      http_port: {
        kind: 'integer',
        name: 'httpPort',
        default: 0,
        min: 0,
        max: 65535,
        doc: "Port of agents' heartbeats over HTTP, on loopback only. 0: off.",
      },
      advertise_address: {
        kind: 'string',
        name: 'advertiseAddress',
        default: '',
        maxLength: 50,
        pattern: { regexp: /^[A-Za-z0-9_.:-]+$/, says: 'an address or a host name, without a port' },
        doc: "Address that is registered, which the Manager calls the daemon at. Empty: this host's own end of the connection to the Manager. (Not in the design document.)",
      },
      labels: {
        kind: 'string-map',
        name: 'labels',
        keyPattern: {
          regexp: /^[A-Za-z0-9][A-Za-z0-9_./-]{0,62}$/,
          says: 'letters, digits, `_`, `.`, `/` and `-`, at most 63',
        },
        doc: 'Labels of this host in the registration, besides those that the daemon finds out. (Not in the design document.)',
      },
      footprint: {
        kind: 'choice',
        name: 'footprint',
        choices: ['full', 'basic', 'off'],
        default: 'full',
        doc: 'How far the daemon goes to stay small; see docs/footprint.md. `full`: pages of its program go back to the kernel while they are not used; `basic`: only unused heap; `off`: nothing. (Not in the design document.)',
      },
      audit_log_file: {
        kind: 'path',
        name: 'auditLogFile',
        default: '/var/log/daemon/audit.log',
        also: ['-'],
        doc: "Log of what the Manager asked for, a line each; rotated as `log_file` is. `-`: in the daemon's own log. (Not in the design document.)",
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
        kind: 'address-list',
        name: 'addresses',
        default: null,
        doc: 'HOST:PORT of the Manager; the certificate must carry HOST. Of several, each host tries them in an order of its own and keeps the first that serves it.',
      },
      protocol: {
        kind: 'choice',
        name: 'protocol',
        choices: ['auto', 'manager', 'daemon'],
        default: 'auto',
        doc: '`manager`: `manager.ManagerService`. `daemon`: `proto.DaemonService`. `auto`: the first, or the second where the Manager does not have it. (Not in the design document.)',
      },
      proxy: {
        kind: 'url',
        name: 'proxy',
        default: '',
        also: ['none'],
        pattern: { regexp: /^http:\/\/[^/]+\/?$/i, says: '`http://[USER:PASSWORD@]HOST:PORT` or `none`' },
        doc: 'HTTP proxy to go through (CONNECT), `http://[USER:PASSWORD@]HOST:PORT`. Empty: as HTTPS_PROXY and NO_PROXY of the environment say. `none`: never. (Not in the design document.)',
      },
      tls: {
        kind: 'switched-section',
        name: 'tls',
        doc: 'Mutual TLS 1.3. `off`: plaintext, for a Manager that has none; whoever is on the way reads and changes everything.',
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
          key_passphrase_file: {
            kind: 'path',
            name: 'keyPassphraseFile',
            default: '',
            doc: 'File with the passphrase of an encrypted key, a line end at its end left out. Empty: the key has none. (Not in the design document.)',
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
      keepalive_interval: {
        kind: 'duration',
        name: 'keepaliveIntervalMs',
        default: 30 * SECOND,
        min: 20 * SECOND,
        max: 10 * MINUTE,
        doc: 'Time between two pings of the connection, by which one that went silent is found. The Manager closes connections that ping oftener than every 20 s; the 10 s of the design document would be cut.',
      },
      queue_max_size: {
        kind: 'size',
        name: 'queueMaxBytes',
        default: 64 * MIB,
        min: MIB,
        max: 100 * 1024 * MIB,
        doc: 'Reports kept in `work_dir` while the Manager is away; the oldest go first. (Not in the design document.)',
      },
      queue_max_age: {
        kind: 'duration',
        name: 'queueMaxAgeMs',
        default: DAY,
        min: MINUTE,
        max: 3650 * DAY,
        doc: 'Age at which a report that waits is given up. (Not in the design document.)',
      },
    },
  },
  server: {
    kind: 'section',
    name: 'server',
    doc: 'The port of `daemon.grpc_port`. (Not in the design document.)',
    fields: {
      tls: {
        kind: 'choice',
        name: 'tls',
        choices: ['on', 'off'],
        default: 'on',
        doc: 'Mutual TLS 1.3 with the files of `manager.tls`. `off`: plaintext, for a Manager that has none; whoever reaches the port then does as `remote.allow` says.',
      },
      allowed_names: {
        kind: 'string-list',
        name: 'allowedNames',
        default: [],
        doc: "Names of certificates that may call: a DNS name or URI of theirs, or their common name. Empty: whatever the CA signed, every other host's certificate included.",
      },
    },
  },
  remote: {
    kind: 'section',
    name: 'remote',
    doc: 'What the Manager may do on this host. (Not in the design document.)',
    fields: {
      allow: {
        kind: 'string-list',
        name: 'allow',
        choices: REMOTE_OPERATIONS,
        default: REMOTE_OPERATIONS,
        doc: 'Operations that are carried out; others are refused, and logged.',
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
  collectors,
  status: {
    kind: 'section',
    name: 'status',
    fields: status,
    doc: 'The status page of this host and its metrics for Prometheus; see docs/status-page.md. (Not in the design document.)',
  },
  update: {
    kind: 'section',
    name: 'update',
    fields: update,
    doc: 'Updates of agents and of the daemon itself; see docs/updates.md.',
  },
} as const satisfies Fields;

/** The single-agent form of before: one `agent` section. It has the keys of an entry of `agents`, id and type optional. */
export const LEGACY_AGENT_DEFAULTS = { id: 'agent', type: 'custom' } as const;

export type Config = ModelOf<typeof SCHEMA>;
export type AgentConfig = Config['agents'][number];
export type CollectorsConfig = Config['collectors'];
