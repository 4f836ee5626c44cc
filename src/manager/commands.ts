/**
 * Faults as they are ordered on standard input: one JSON object a line. Pure: gives the order, or throws an Error that
 * says what is wrong with it. Those of the command line are in fault-options.ts.
 */
import { status } from '@grpc/grpc-js';
import {
  FAULT_KINDS,
  type FaultKind,
  MANAGER_METHODS,
  type ManagerMethod,
} from '../shared/contracts/manager-events.ts';
import type { Fault } from './faults.ts';

export type Command =
  | { kind: 'fault'; method: ManagerMethod; fault: Fault; times?: number }
  /** Without a method: of all, those of connections and held streams included. */
  | { kind: 'release' | 'clear'; method?: ManagerMethod }
  | { kind: 'drop' | 'reload-tls' }
  /** Now, or after every so many calls. */
  | { kind: 'goaway'; everyCalls?: number }
  /** Of connections to come; `bytes` both ways together. */
  | { kind: 'cut'; bytes: number; times?: number }
  /** Without a node: all streams. */
  | { kind: 'hold-stream'; node?: string };

export const REFUSAL = 'refused on order';
export const MAX_DELAY_MS = 60 * 60 * 1000;

const KEYS: Record<FaultKind, readonly string[]> = {
  refuse: ['method', 'message', 'status', 'times'],
  stall: ['method', 'times'],
  lose: ['method', 'times'],
  delay: ['method', 'ms', 'times'],
  slow: ['method', 'ms', 'times'],
  release: ['method'],
  clear: ['method'],
  drop: [],
  goaway: ['everyCalls'],
  cut: ['bytes', 'times'],
  'hold-stream': ['node'],
  'reload-tls': [],
};

export function parseMethod(text: unknown): ManagerMethod {
  const method = MANAGER_METHODS.find((name) => name === text);
  if (!method) throw new Error(`unknown method ${JSON.stringify(text)}: it is one of ${MANAGER_METHODS.join(', ')}`);
  return method;
}

/** gRPC's number of a status by its name (`UNAVAILABLE`). */
function parseStatus(name: unknown): number {
  const code = Object.entries(status).find(([key]) => key === name)?.[1];
  if (typeof code !== 'number' || code === status.OK)
    throw new Error(`not a failing gRPC status: ${JSON.stringify(name)}`);
  return code;
}

/** A whole number above 0, or undefined where the order has none. */
function parseCount(order: Record<string, unknown>, key: string): number | undefined {
  const value = order[key];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1)
    throw new Error(`${key} is not a whole number above 0`);
  return value;
}

function parseFault(kind: 'refuse' | 'stall' | 'lose' | 'delay', order: Record<string, unknown>): Fault {
  if (kind === 'delay') {
    const ms = order['ms'];
    if (typeof ms !== 'number' || !(ms >= 0 && ms <= MAX_DELAY_MS))
      throw new Error('ms is not a number from 0 to an hour');
    return { kind, ms };
  }
  if (kind !== 'refuse') return { kind };
  const message = order['message'] ?? REFUSAL;
  if (typeof message !== 'string') throw new Error('message is not a text');
  return { kind, message, ...(order['status'] === undefined ? {} : { status: parseStatus(order['status']) }) };
}

function parseCut(order: Record<string, unknown>): Command {
  const bytes = parseCount(order, 'bytes');
  if (bytes === undefined) throw new Error('cut wants bytes');
  const times = parseCount(order, 'times');
  return { kind: 'cut', bytes, ...(times === undefined ? {} : { times }) };
}

function parseHold({ node }: Record<string, unknown>): Command {
  if (node !== undefined && typeof node !== 'string') throw new Error('node is not a text');
  return { kind: 'hold-stream', ...(node === undefined ? {} : { node }) };
}

/** `{"fault":"refuse","method":"RegisterNode","message":"…","times":1}`, parsed from JSON. */
export function parseCommand(order: Record<string, unknown>): Command {
  const { fault: name, ...rest } = order;
  const kind = FAULT_KINDS.find((known) => known === name);
  if (!kind) throw new Error(`unknown fault ${JSON.stringify(name)}: it is one of ${FAULT_KINDS.join(', ')}`);
  const surplus = Object.keys(rest).find((key) => !KEYS[kind].includes(key));
  if (surplus) throw new Error(`${kind} has no ${JSON.stringify(surplus)}`);
  switch (kind) {
    case 'drop':
    case 'reload-tls':
      return { kind };
    case 'goaway': {
      const everyCalls = parseCount(rest, 'everyCalls');
      return { kind, ...(everyCalls === undefined ? {} : { everyCalls }) };
    }
    case 'cut':
      return parseCut(rest);
    case 'hold-stream':
      return parseHold(rest);
    case 'release':
    case 'clear':
      return { kind, ...(rest['method'] === undefined ? {} : { method: parseMethod(rest['method']) }) };
    default: {
      const times = parseCount(rest, 'times');
      const fault = parseFault(kind === 'slow' ? 'delay' : kind, rest);
      return { kind: 'fault', method: parseMethod(rest['method']), fault, ...(times === undefined ? {} : { times }) };
    }
  }
}
