/** A daemon's operations port for the Manager to call, and its answers over a stream, with none of the daemon's code. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { DaemonServiceService } from '../../../src/shared/gen/daemon.ts';
import type { Answer, Request } from '../../../src/shared/gen/link.ts';
import { MutualTlsCredentials } from '../../../src/shared/platform/mutual-tls-server.ts';
import type { OpenStream } from '../../support/manager-client.ts';

/** The response, or a status other than 0 with a message. */
export type Reply = { response: object } | { status: number; message: string };

export const AGENT = {
  id: 'agent-1',
  type: 'custom',
  version: '1.0',
  status: 'running',
  pid: 4711,
  startTime: 1_700_000_000,
  restartCount: 2,
  lastHeartbeat: 0,
};

/** As a daemon on which all is well. */
export function wellReply(method: string): Reply {
  switch (method) {
    case 'listAgents':
      return { response: { agents: [AGENT] } };
    case 'operateAgent':
      return { response: { success: true, errorMessage: '' } };
    case 'getAgentMetrics':
      return { response: { agentId: 'agent-1', dataPoints: [] } };
    case 'getConfig':
      return { response: { success: true, message: '', configData: Buffer.from('a: 1\n') } };
    default:
      return { response: { success: true, message: 'the update has begun' } };
  }
}

export interface FakeDaemon {
  port: number;
  calls: { method: string; request: unknown }[];
  /** Null: it does not answer. */
  reply: (method: string, request: unknown) => Reply | null;
  /** Names of the caller's certificate. */
  callers: string[];
  stop(): void;
}

/** `tlsFolder`: with ca and client, each `.crt` and `.key`; null: plaintext. */
export async function startDaemon(tlsFolder: string | null): Promise<FakeDaemon> {
  const read = (name: string): Promise<Buffer> => readFile(join(tlsFolder ?? '', name));
  const credentials = tlsFolder
    ? new MutualTlsCredentials({
        ca: await read('ca.crt'),
        cert: await read('client.crt'),
        key: await read('client.key'),
      })
    : ServerCredentials.createInsecure();
  const server = new Server({ 'grpc.max_receive_message_length': 20 * 1024 * 1024 });
  const daemon: FakeDaemon = { port: 0, calls: [], callers: [], reply: wellReply, stop: () => server.forceShutdown() };
  const serve =
    (method: string) =>
    (call: ServerUnaryCall<unknown, object>, callback: sendUnaryData<object>): void => {
      daemon.calls.push({ method, request: call.request });
      daemon.callers.push(String(call.getAuthContext().sslPeerCertificate?.subject.CN ?? ''));
      const reply = daemon.reply(method, call.request);
      if (!reply) return;
      if ('status' in reply) callback({ code: reply.status, details: reply.message });
      else callback(null, reply.response);
    };
  const methods = ['listAgents', 'operateAgent', 'getAgentMetrics', 'getConfig', 'pushUpdate'];
  server.addService(DaemonServiceService, Object.fromEntries(methods.map((name) => [name, serve(name)])));
  daemon.port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
  return daemon;
}

/** By the result's field in an answer. */
const RESULTS: Record<string, string> = {
  listAgents: 'listAgents',
  operateAgent: 'operateAgent',
  agentMetrics: 'getAgentMetrics',
  config: 'getConfig',
  pushUpdate: 'pushUpdate',
};

export function methodOf(request: Request): string {
  const field = Object.keys(RESULTS).find((name) => request[name as keyof Request] !== undefined);
  return field ?? '';
}

export function answerTo(request: Request, reply: Reply = wellReply(RESULTS[methodOf(request)] ?? '')): Answer {
  if ('status' in reply) return { id: request.id, ...reply };
  return { id: request.id, status: status.OK, message: '', [methodOf(request)]: reply.response };
}

/** Answers each request that comes from now on. */
export function answerAll(stream: OpenStream): void {
  stream.call.on('data', ({ request }) => {
    if (request) stream.call.write({ answer: answerTo(request) });
  });
}
