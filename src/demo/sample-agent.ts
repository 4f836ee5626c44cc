/**
 * A tiny agent, for the demo and the tests: says that it lives over the Unix socket that DAEMON_HEARTBEAT_SOCKET
 * names, goes on while the daemon is away, ends at once with 0 on SIGTERM. Uses as little of Node as it can, since
 * its memory is shown.
 */
import { writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { VERSION } from '../shared/version.ts';
import {
  cpuPercent,
  type Heartbeat,
  parseSampleArguments,
  type Reading,
  type SampleOptions,
} from './sample-heartbeat.ts';

const HELP = `usage: sample-agent [--name NAME] [--interval 5s] [--version] [--help]

Sends a heartbeat every interval over the Unix socket named in DAEMON_HEARTBEAT_SOCKET.
`;

/** Its log is a file or a pipe: written at once. A reader that has gone is no reason to end. */
function print(text: string, descriptor = 1): void {
  try {
    writeSync(descriptor, text);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code !== 'EPIPE' && code !== 'EAGAIN') throw error;
  }
}

function log(name: string, message: string): void {
  print(`${new Date().toISOString()} ${name}: ${message}\n`);
}

function reading(): Reading {
  const { user, system } = process.cpuUsage();
  return { atMs: performance.now(), cpuMicros: user + system };
}

function sendHeartbeats(path: string, { name, intervalMs }: SampleOptions): void {
  let socket: Socket | null = null;
  let before = reading();
  let told = false;
  const open = (): void => {
    const opened = connect(path);
    socket = opened;
    opened.on('connect', () => {
      told = false;
      beat();
    });
    opened.on('error', (error) => {
      if (!told) log(name, `no heartbeats for now: ${error.message}`);
      told = true; // once, however long the daemon is away
    });
    opened.on('close', () => {
      socket = null;
    });
    opened.resume(); // the daemon says nothing, but its end must be noticed
  };
  const beat = (): void => {
    const now = reading();
    const heartbeat: Heartbeat = {
      pid: process.pid,
      timestamp: new Date().toISOString(),
      version: VERSION,
      status: 'ok',
      cpu: cpuPercent(before, now),
      memory: process.memoryUsage.rss(),
    };
    before = now;
    socket?.write(`${JSON.stringify(heartbeat)}\n`);
  };
  open();
  setInterval(() => {
    if (!socket) open();
    else if (!socket.connecting) beat();
  }, intervalMs);
}

function run(options: SampleOptions): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
  const path = process.env['DAEMON_HEARTBEAT_SOCKET'];
  log(
    options.name,
    `version ${VERSION} runs with pid ${process.pid}${path ? '' : '; no DAEMON_HEARTBEAT_SOCKET, no heartbeats'}`,
  );
  if (path) sendHeartbeats(path, options);
  else setInterval(() => {}, 2 ** 30); // lives until it is told to end
}

function main(): void {
  let options: SampleOptions;
  try {
    options = parseSampleArguments(process.argv.slice(2));
  } catch (error) {
    print(`sample-agent: ${error instanceof Error ? error.message : error}\n`, 2);
    process.exit(2);
  }
  if (options.show === 'help') print(HELP);
  else if (options.show === 'version') print(`sample-agent ${VERSION}\n`);
  else run(options);
}

main();
