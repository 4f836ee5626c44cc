/**
 * What the Manager asks for over the stream and what it is answered, as proto/link.proto has them. Pure. What a message
 * cannot say (no operation, too large an answer) becomes an answer too, so that every request gets one.
 */
import { status } from '@grpc/grpc-js';
import type { RemoteCallName, RemoteCalls, RemoteOutcome } from '../../../shared/contracts/remote.ts';
import { type Answer, FromDaemon, type Request } from '../../../shared/gen/link.ts';

/** The Manager's limit, and ours: of a whole message. */
export const MAX_MESSAGE_BYTES = 10 * 1024 * 1024;

/** A call's name with its request, the one belonging to the other. */
export type Operation = { [N in RemoteCallName]: { name: N; request: RemoteCalls[N]['request'] } }[RemoteCallName];

/** Null where the request names no operation that this daemon knows. */
export function operationOf(request: Request): Operation | null {
  const { listAgents, operateAgent, agentMetrics, config, pushUpdate } = request;
  if (listAgents) return { name: 'ListAgents', request: listAgents };
  if (operateAgent) return { name: 'OperateAgent', request: operateAgent };
  if (agentMetrics) return { name: 'GetAgentMetrics', request: agentMetrics };
  if (config) return { name: 'GetConfig', request: config };
  if (pushUpdate) return { name: 'PushUpdate', request: pushUpdate };
  return null;
}

type ResultField<N extends RemoteCallName> = (response: RemoteCalls[N]['response']) => Partial<Answer>;

const RESULT: { [N in RemoteCallName]: ResultField<N> } = {
  ListAgents: (listAgents) => ({ listAgents }),
  OperateAgent: (operateAgent) => ({ operateAgent }),
  GetAgentMetrics: (agentMetrics) => ({ agentMetrics }),
  GetConfig: (config) => ({ config }),
  PushUpdate: (pushUpdate) => ({ pushUpdate }),
};

export function answerOf<N extends RemoteCallName>(id: number, name: N, outcome: RemoteOutcome<N>): Answer {
  if ('response' in outcome) return { id, status: status.OK, message: '', ...RESULT[name](outcome.response) };
  return refusal(id, outcome.status, outcome.message);
}

/** `code`: of gRPC, never 0. */
export function refusal(id: number, code: number, message: string): Answer {
  return { id, status: code, message };
}

/** An answer that is larger than a message may be is replaced by one that says so. */
export function answerBytes(answer: Answer): Uint8Array {
  const bytes = FromDaemon.encode({ answer }).finish();
  if (bytes.length <= MAX_MESSAGE_BYTES) return bytes;
  const what = `the answer has ${bytes.length} bytes, and a message may have ${MAX_MESSAGE_BYTES}: ask for less`;
  return FromDaemon.encode({ answer: refusal(answer.id, status.RESOURCE_EXHAUSTED, what) }).finish();
}
