/**
 * Operations as JSON objects, as they come from another process: checked key by key. Pure: what is wrong throws an
 * Error that says it.
 */
import { OPERATIONS, type Operation, type OperationCall, type PushedUpdate, WAYS } from './operation.ts';

type Data = Record<string, unknown>;

/** What comes with an operation; `tag` is the asker's own. */
export interface OrderedOperation {
  node: string;
  call: OperationCall;
  tag?: string;
}

function text(data: Data, key: string, fallback?: string): string {
  const value = data[key] ?? fallback;
  if (typeof value !== 'string') throw new Error(`${key} is not a text`);
  return value;
}

function count(data: Data, key: string): number | undefined {
  const value = data[key];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new Error(`${key} is no number`);
  return value;
}

function flag(data: Data, key: string): boolean {
  const value = data[key] ?? false;
  if (typeof value !== 'boolean') throw new Error(`${key} is neither true nor false`);
  return value;
}

/** One of the words, or undefined where there is none. */
function choice<T extends string>(data: Data, key: string, words: readonly T[]): T | undefined {
  const value = data[key];
  if (value === undefined) return undefined;
  const word = words.find((known) => known === value);
  if (!word) throw new Error(`unknown ${key} ${JSON.stringify(value)}: it is one of ${words.join(', ')}`);
  return word;
}

function parseUpdate(data: Data): PushedUpdate {
  const optional = (key: string): string => text(data, key, '');
  return {
    component: choice(data, 'component', ['daemon', 'agent']) ?? 'agent',
    agent: optional('agent'),
    version: optional('version'),
    url: optional('url'),
    sha256: optional('sha256'),
    signature: optional('signature'),
    data: optional('data'),
    manifest: optional('manifest'),
    retry: flag(data, 'retry'),
  };
}

function parseOperation(data: Data): Operation {
  const operation = choice(data, 'op', OPERATIONS);
  switch (operation) {
    case undefined:
      throw new Error(`op is missing: it is one of ${OPERATIONS.join(', ')}`);
    case 'list':
      return { operation };
    case 'metrics':
      return { operation, agent: text(data, 'agent'), durationSeconds: count(data, 'durationSeconds') ?? 0 };
    case 'config':
      return { operation, agent: text(data, 'agent', '') };
    case 'push-update':
      return { operation, update: parseUpdate(data) };
    default:
      return { operation, agent: text(data, 'agent') };
  }
}

/** `{"op":"restart","node":"node-1","agent":"a","via":"stream","timeoutMs":1000,"requestId":7,"tag":"x"}`. */
export function parseOrderedOperation(data: Data): OrderedOperation {
  const via = choice(data, 'via', WAYS);
  const timeoutMs = count(data, 'timeoutMs');
  const requestId = count(data, 'requestId');
  return {
    node: text(data, 'node'),
    call: {
      operation: parseOperation(data),
      ...(via === undefined ? {} : { via }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(requestId === undefined ? {} : { requestId }),
    },
    ...(data['tag'] === undefined ? {} : { tag: text(data, 'tag') }),
  };
}

/** The other way: what `parseOrderedOperation` reads. */
export function operationData({ node, call: { operation, ...how } }: OrderedOperation): Data {
  const { operation: op, ...rest } = operation;
  return { op, node, ...('update' in rest ? rest.update : rest), ...how };
}
