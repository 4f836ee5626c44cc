/** Whether the daemon answers where it should, or could listen there once it is started. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Config } from '../../shared/config/schema.ts';
import type { StatusView } from '../../shared/contracts/control.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import { codeOf } from '../../shared/errors/error-code.ts';
import { type Finding, Findings } from './finding.ts';

const LOOPBACK = '127.0.0.1';
const ANSWER_MS = 3000;

/** What asking the control socket gave. */
export type ControlOutcome = { status: StatusView; tookMs: number } | { error: unknown };

function examineControl(findings: Findings, socket: string, outcome: ControlOutcome, running: boolean): void {
  if ('status' in outcome) {
    findings.ok(socket, `answers in ${Math.ceil(outcome.tookMs)} ms: daemon ${outcome.status.version}`);
  } else if (running) {
    findings.failed(socket, describe(outcome.error), 'the daemon runs and does not answer: see its log');
  } else {
    findings.warning(socket, 'the daemon does not run', 'start it');
  }
}

async function reaches(port: number): Promise<string> {
  const socket = connect({ port, host: LOOPBACK });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(ANSWER_MS) });
    return '';
  } catch (error) {
    return codeOf(error) || describe(error);
  } finally {
    socket.destroy();
  }
}

/** '' where a server could listen there. */
async function couldListen(port: number, host: string | undefined): Promise<string> {
  const server = createServer();
  try {
    server.listen({ port, ...(host === undefined ? {} : { host }), exclusive: true });
    await once(server, 'listening');
    return '';
  } catch (error) {
    return codeOf(error) || describe(error);
  } finally {
    server.close();
  }
}

async function examinePort(findings: Findings, key: string, port: number, running: boolean): Promise<void> {
  const subject = `${key} ${port}`;
  if (port === 0) return findings.ok(key, 'is 0: off');
  if (running) {
    const why = await reaches(port);
    if (why === '') findings.ok(subject, 'takes connections');
    else findings.failed(subject, `takes no connections: ${why}`, "see the daemon's log for why it does not listen");
    return;
  }
  const why = await couldListen(port, key === 'daemon.http_port' ? LOOPBACK : undefined);
  if (why === '') findings.ok(subject, 'is free for the daemon');
  else if (why === 'EADDRINUSE')
    findings.failed(subject, 'is used by another program', `end that one, or change ${key}`);
  else
    findings.failed(subject, `cannot be listened on by this user: ${why}`, `run the daemon as root, or change ${key}`);
}

/** `running`: whether a daemon holds the pid file. */
export async function examineSockets(
  { daemon }: Config,
  control: { socket: string; outcome: ControlOutcome },
  running: boolean,
): Promise<Finding[]> {
  const findings = new Findings('sockets');
  examineControl(findings, control.socket, control.outcome, running);
  await examinePort(findings, 'daemon.grpc_port', daemon.grpcPort, running);
  await examinePort(findings, 'daemon.http_port', daemon.httpPort, running);
  return findings.all;
}
