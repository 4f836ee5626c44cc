/**
 * The five operations of a daemon as values: one shape for both ways to it, the call on its port and the request over
 * its stream. Pure.
 */
import type { RemoteCallName, RemoteCalls } from '../shared/contracts/remote.ts';
import type { Answer, Request } from '../shared/gen/link.ts';

/** One of the calls with its request. */
export type RemoteCall = { [N in RemoteCallName]: { name: N; request: RemoteCalls[N]['request'] } }[RemoteCallName];
/** One of the calls with its response. */
export type RemoteResponse = {
  [N in RemoteCallName]: { name: N; response: RemoteCalls[N]['response'] };
}[RemoteCallName];

/** `status`: of gRPC, never 0. */
export interface RemoteFailure {
  status: number;
  message: string;
}

export function requestMessage(id: number, call: RemoteCall): Request {
  switch (call.name) {
    case 'ListAgents':
      return { id, listAgents: call.request };
    case 'OperateAgent':
      return { id, operateAgent: call.request };
    case 'GetAgentMetrics':
      return { id, agentMetrics: call.request };
    case 'GetConfig':
      return { id, config: call.request };
    case 'PushUpdate':
      return { id, pushUpdate: call.request };
  }
}

/** Null where the answer has neither a status nor a result: it is against the protocol. */
export function responseIn(answer: Answer): RemoteResponse | RemoteFailure | null {
  if (answer.status !== 0) return { status: answer.status, message: answer.message };
  if (answer.listAgents) return { name: 'ListAgents', response: answer.listAgents };
  if (answer.operateAgent) return { name: 'OperateAgent', response: answer.operateAgent };
  if (answer.agentMetrics) return { name: 'GetAgentMetrics', response: answer.agentMetrics };
  if (answer.config) return { name: 'GetConfig', response: answer.config };
  if (answer.pushUpdate) return { name: 'PushUpdate', response: answer.pushUpdate };
  return null;
}
