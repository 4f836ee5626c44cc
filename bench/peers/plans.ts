/**
 * Other programs of the daemon's kind, and how each is run for comparison: in the foreground where it can be, with a
 * minimal configuration of its own, everything in one folder, no fixed port, no privilege. Pure. Supervisors get the
 * agents that the daemon has.
 */
import { join } from 'node:path';
import type { BenchAgent } from '../daemon-config.ts';

export interface PeerPlace {
  /** Everything that the peer writes goes in here; there is no blank or quote in its path. */
  folder: string;
  /** Their commands carry what marks them as this peer's. */
  agents: readonly BenchAgent[];
}

export interface PeerPlan {
  name: string;
  /** Names on PATH, the first that is there is taken. */
  programs: readonly string[];
  /** Prints a line with its version. */
  versionArgs: readonly string[];
  /** Whether it is given the agents. */
  supervises: boolean;
  /** What it does at rest, for the notes. */
  does: string;
  /** Name in the folder → content. */
  files: (place: PeerPlace) => Record<string, string>;
  args: (place: PeerPlace) => string[];
  /** Of one that leaves its starter: the arguments that end it. */
  endArgs?: readonly string[];
  env?: (place: PeerPlace) => Record<string, string>;
}

const INTERVAL = '60s';
const lines = (...text: readonly string[]): string => `${text.join('\n')}\n`;

const monit: PeerPlan = {
  name: 'monit',
  programs: ['monit'],
  versionArgs: ['--version'],
  supervises: true,
  does: 'looks at the agents each 30 s',
  files: ({ folder, agents }) => ({
    'monit.conf': lines(
      'set daemon 30',
      ...['log', 'pid', 'id', 'state'].map((kind) => {
        return `set ${kind === 'log' ? 'log' : `${kind}file`} ${join(folder, `monit.${kind}`)}`;
      }),
      ...agents.flatMap(({ id, command }) => {
        const pidFile = join(folder, `${id}.pid`);
        return [
          `check process ${id} with pidfile ${pidFile}`,
          // it waits for what it starts to end, and then looks for the pid
          `  start program = "/bin/sh -c '${command.join(' ')} > /dev/null 2>&1 & echo $! > ${pidFile}'"`,
        ];
      }),
    ),
  }),
  args: ({ folder }) => ['-I', '-c', join(folder, 'monit.conf')],
};

const supervisord: PeerPlan = {
  name: 'supervisord',
  programs: ['supervisord'],
  versionArgs: ['--version'],
  supervises: true,
  does: 'waits for the agents to end',
  files: ({ folder, agents }) => ({
    'supervisord.conf': lines(
      '[supervisord]',
      'nodaemon = true',
      ...['logfile', 'pidfile'].map((kind) => `${kind} = ${join(folder, `supervisord.${kind}`)}`),
      `childlogdir = ${folder}`,
      ...agents.flatMap(({ id, command }) => [`[program:${id}]`, `command = ${command.join(' ')}`]),
    ),
  }),
  args: ({ folder }) => ['-n', '-c', join(folder, 'supervisord.conf')],
};

const pm2: PeerPlan = {
  name: 'PM2',
  programs: ['pm2'],
  versionArgs: ['--version'],
  supervises: true,
  does: 'waits for the agents to end and reads their CPU and memory',
  files: ({ agents }) => ({
    'apps.json': JSON.stringify({
      apps: agents.map(({ id, command: [script, ...args] }) => ({ name: id, script, args, interpreter: 'none' })),
    }),
  }),
  args: ({ folder }) => ['start', join(folder, 'apps.json')],
  endArgs: ['kill'],
  env: ({ folder }) => ({ PM2_HOME: folder }),
};

const nodeExporter: PeerPlan = {
  name: 'node_exporter',
  programs: ['node_exporter', 'prometheus-node-exporter'],
  versionArgs: ['--version'],
  supervises: false,
  does: 'waits to be asked, which nobody does',
  files: () => ({}),
  args: () => ['--web.listen-address=127.0.0.1:0'],
};

const collectd: PeerPlan = {
  name: 'collectd',
  programs: ['collectd'],
  versionArgs: ['-h'],
  supervises: false,
  does: 'reads CPU, memory, disks and interfaces each 60 s into files',
  files: ({ folder }) => ({
    'collectd.conf': lines(
      'Hostname "bench"',
      'FQDNLookup false',
      'Interval 60',
      `BaseDir "${folder}"`,
      `PIDFile "${join(folder, 'collectd.pid')}"`,
      ...['cpu', 'memory', 'disk', 'interface', 'csv'].map((plugin) => `LoadPlugin ${plugin}`),
      '<Plugin csv>',
      `  DataDir "${join(folder, 'csv')}"`,
      '</Plugin>',
    ),
  }),
  args: ({ folder }) => ['-f', '-C', join(folder, 'collectd.conf')],
};

const telegraf: PeerPlan = {
  name: 'telegraf',
  programs: ['telegraf'],
  versionArgs: ['--version'],
  supervises: false,
  does: 'reads CPU, memory, disks and interfaces each 60 s into a file',
  files: ({ folder }) => ({
    'telegraf.conf': lines(
      '[agent]',
      `interval = "${INTERVAL}"`,
      `flush_interval = "${INTERVAL}"`,
      ...['cpu', 'mem', 'diskio', 'net'].map((input) => `[[inputs.${input}]]`),
      '[[outputs.file]]',
      `files = ["${join(folder, 'metrics')}"]`,
    ),
  }),
  args: ({ folder }) => ['--config', join(folder, 'telegraf.conf')],
};

export const PEERS: readonly PeerPlan[] = [nodeExporter, monit, supervisord, pm2, collectd, telegraf];
