/** What the configuration says of an agent: its program, health checks, restarts and limits. */
import { AGENT_TYPES } from '../contracts/agent.ts';
import type { Fields } from './fields.ts';
import { DAY, MINUTE, SECOND } from './units.ts';

export const healthCheck = {
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
  http_timeout: {
    kind: 'duration',
    name: 'httpTimeoutMs',
    default: 5 * SECOND,
    min: 100,
    max: MINUTE,
    doc: 'How long `http_endpoint` may take to answer; best shorter than `interval`. (Not in the design document.)',
  },
  failures: {
    kind: 'integer',
    name: 'failures',
    default: 0,
    min: 0,
    max: 100,
    doc: 'Failed checks in a row after which the agent is unhealthy. 0: by kind, 1 for the process and heartbeats, 3 for HTTP. (Not in the design document.)',
  },
} as const satisfies Fields;

export const restart = {
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
  no_restart_exit_codes: {
    kind: 'integer-list',
    name: 'noRestartExitCodes',
    default: [],
    min: 0,
    max: 255,
    doc: 'Exit codes after which there is no restart, whatever the policy. (Not in the design document.)',
  },
} as const satisfies Fields;

/** setrlimit(2), soft and hard alike. */
const limits = {
  open_files: {
    kind: 'integer',
    name: 'openFiles',
    default: 0,
    min: 0,
    max: 2 ** 31 - 1,
    doc: 'Open files. 0: not set, as the daemon has it.',
  },
  processes: {
    kind: 'integer',
    name: 'processes',
    default: 0,
    min: 0,
    max: 2 ** 31 - 1,
    doc: 'Processes and threads of its user, those outside the agent included. 0: not set.',
  },
  address_space: {
    kind: 'size',
    name: 'addressSpaceBytes',
    default: 0,
    min: 0,
    doc: 'Virtual memory of each of its processes. 0: not set.',
  },
  core: {
    kind: 'optional-size',
    name: 'coreBytes',
    min: 0,
    doc: 'Size of a core file. Absent: not set. 0 is a limit of its own: none is written.',
  },
} as const satisfies Fields;

const user = { regexp: /^[^\s:,/-][^\s:,/]*$/, says: 'a name or a number, without blanks, `:`, `,` and `/`' };

export const agent = {
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
  version_args: {
    kind: 'optional-string-list',
    name: 'versionArgs',
    doc: "Arguments that make the program print its version and end. Absent: its type's; a `custom` one is then never asked. (Not in the design document.)",
  },
  env: {
    kind: 'string-map',
    name: 'env',
    keyPattern: { regexp: /^[A-Za-z_][A-Za-z0-9_]*$/, says: 'letters, digits and `_`, not beginning with a digit' },
    doc: "Environment variables for it. Of the daemon's own only PATH, HOME, LANG, TZ and TMPDIR are passed on.",
  },
  user: {
    kind: 'string',
    name: 'user',
    default: '',
    maxLength: 256,
    pattern: user,
    doc: "User that it runs as, a name or a number; the daemon must then run as root. Empty: the daemon's own. (Not in the design document.)",
  },
  group: {
    kind: 'string',
    name: 'group',
    default: '',
    maxLength: 256,
    pattern: user,
    doc: "Group that it runs as, a name or a number. Empty: that of `user`, else the daemon's own. (Not in the design document.)",
  },
  after: {
    kind: 'string-list',
    name: 'after',
    default: [],
    doc: 'Ids of agents that must be ready before it starts; it is stopped before them. (Not in the design document.)',
  },
  start_seconds: {
    kind: 'duration',
    name: 'startMs',
    default: SECOND,
    min: 0,
    max: 10 * MINUTE,
    doc: 'How long the process must live for its start to count. A duration, so with a unit. (Not in the design document.)',
  },
  stop_timeout: {
    kind: 'duration',
    name: 'stopTimeoutMs',
    default: 30 * SECOND,
    min: 100,
    max: 10 * MINUTE,
    doc: 'How long it may take to end after SIGTERM before SIGKILL follows. (Not in the design document.)',
  },
  limits: {
    kind: 'section',
    name: 'limits',
    fields: limits,
    doc: 'Limits of the system for it and its children. (Not in the design document.)',
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
