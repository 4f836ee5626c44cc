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

/** Whether a daemon runs; null: that may not be seen by this user. */
type Running = boolean | null;

function examineControl(findings: Findings, socket: string, outcome: ControlOutcome, running: Running): void {
  if ('status' in outcome) {
    findings.ok(socket, `answers in ${Math.ceil(outcome.tookMs)} ms: daemon ${outcome.status.version}`);
  } else if (running === null || (running && isForbidden(outcome.error))) {
    findings.unknown(socket, describe(outcome.error), "run doctor as root, or in the daemon's group");
  } else if (running) {
    findings.failed(socket, describe(outcome.error), 'the daemon runs and does not answer: see its log');
  } else {
    findings.warning(socket, 'the daemon does not run', 'start it');
  }
}

const isForbidden = (error: unknown): boolean => error instanceof Error && codeOf(error.cause) === 'EACCES';

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

async function examinePort(findings: Findings, key: string, port: number, running: Running): Promise<void> {
  const subject = `${key} ${port}`;
  if (port === 0) return findings.ok(key, 'is 0: off');
  if (running !== false) {
    const why = await reaches(port);
    if (why === '') findings.ok(subject, 'takes connections');
    else if (running === null)
      findings.unknown(
        subject,
        `takes no connections: ${why}; whether the daemon runs may not be seen`,
        'run doctor as root',
      );
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

/** `running`: whether a daemon holds the pid file; null: that may not be seen by this user. */
export async function examineSockets(
  { daemon }: Config,
  control: { socket: string; outcome: ControlOutcome },
  running: Running,
): Promise<Finding[]> {
  const findings = new Findings('sockets');
  examineControl(findings, control.socket, control.outcome, running);
  await examinePort(findings, 'daemon.grpc_port', daemon.grpcPort, running);
  await examinePort(findings, 'daemon.http_port', daemon.httpPort, running);
  return findings.all;
}
