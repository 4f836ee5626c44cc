/**
 * Operations in a person's words and as data between processes, the calls that they are, and what their outcome is
 * called. Pure: what is wrong with a request throws an Error that says it.
 */
import { status } from '@grpc/grpc-js';
import type { OperationOutcome } from '../shared/contracts/manager-events.ts';
import type { RemoteCall, RemoteFailure, RemoteResponse } from './remote-call.ts';

export const OPERATIONS = ['list', 'start', 'stop', 'restart', 'metrics', 'config', 'push-update'] as const;
export type OperationName = (typeof OPERATIONS)[number];
export const WAYS = ['auto', 'dial', 'stream'] as const;
export type Way = (typeof WAYS)[number];

export interface PushedUpdate {
  component: 'daemon' | 'agent';
  /** Which agent, where there are several. */
  agent: string;
  version: string;
  url: string;
  /** SHA-256, hex. */
  sha256: string;
  /** Base64. */
  signature: string;
  /** The package, base64; empty where the daemon fetches it. */
  data: string;
  manifest: string;
  retry: boolean;
}

export type Operation =
  | { operation: 'list' }
  | { operation: 'start' | 'stop' | 'restart'; agent: string }
  /** 0: an hour. */
  | { operation: 'metrics'; agent: string; durationSeconds: number }
  /** Without an agent: the daemon's. */
  | { operation: 'config'; agent: string }
  | { operation: 'push-update'; update: PushedUpdate };

export interface OperationCall {
  operation: Operation;
  /** Default: auto. */
  via?: Way;
  /** Default: 90 s for start, stop and restart, else 30 s. */
  timeoutMs?: number;
  /** Over the stream: in place of the next free one. */
  requestId?: number;
}

const OPERATE_MS = 90_000;
const DEADLINE_MS = 30_000;

export function timeoutOf({ operation, timeoutMs }: OperationCall): number {
  if (timeoutMs !== undefined) return timeoutMs;
  return ['start', 'stop', 'restart'].includes(operation.operation) ? OPERATE_MS : DEADLINE_MS;
}

/** The agent that it is about; empty where it is about none. */
export function agentOf(operation: Operation): string {
  if (operation.operation === 'push-update') return operation.update.agent;
  return 'agent' in operation ? operation.agent : '';
}

export function remoteCall(nodeId: string, operation: Operation): RemoteCall {
  switch (operation.operation) {
    case 'list':
      return { name: 'ListAgents', request: {} };
    case 'metrics': {
      const { agent: agentId, durationSeconds } = operation;
      return { name: 'GetAgentMetrics', request: { agentId, durationSeconds } };
    }
    case 'config': {
      const configType = operation.agent === '' ? 'daemon' : 'agent';
      return { name: 'GetConfig', request: { nodeId, configType, agentId: operation.agent } };
    }
    case 'push-update': {
      const { agent: agentId, url: downloadUrl, sha256: hash, data, ...rest } = operation.update;
      const updateData = Buffer.from(data, 'base64');
      return { name: 'PushUpdate', request: { ...rest, nodeId, agentId, downloadUrl, hash, updateData } };
    }
    default:
      return { name: 'OperateAgent', request: { agentId: operation.agent, operation: operation.operation } };
  }
}

type Ended = Omit<OperationOutcome, 'via' | 'noSuchNode'>;

function resultOf(answer: RemoteResponse): Ended {
  const ended = { success: true, status: 'OK', message: '', result: null };
  switch (answer.name) {
    case 'ListAgents':
      return { ...ended, result: answer.response.agents };
    case 'OperateAgent':
      return { ...ended, success: answer.response.success, message: answer.response.errorMessage };
    case 'GetAgentMetrics':
      return { ...ended, result: answer.response.dataPoints };
    case 'GetConfig': {
      const { success, message, configData } = answer.response;
      return { ...ended, success, message, result: success ? configData.toString('utf8') : null };
    }
    case 'PushUpdate':
      return { ...ended, success: answer.response.success, message: answer.response.message };
  }
}

/** What the daemon answered, or how the call ended without an answer. */
export function outcomeOf(via: 'dial' | 'stream', answer: RemoteResponse | RemoteFailure): OperationOutcome {
  const failed = 'status' in answer;
  const ended = failed
    ? { success: false, status: status[answer.status] ?? `${answer.status}`, message: answer.message, result: null }
    : resultOf(answer);
  return { ...ended, via, noSuchNode: false };
}

/** It never left the Manager. */
export function refusedHere(message: string, noSuchNode = false): OperationOutcome {
  return { success: false, via: 'none', status: '', message, noSuchNode, result: null };
}
