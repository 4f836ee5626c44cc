/**
 * Faults as they are ordered in words: on the command line (`Heartbeat=50ms`) and as JSON objects on standard input.
 * Pure: gives the order, or throws an Error that says what is wrong with it.
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
  /** Without a method: of all. */
  | { kind: 'release' | 'clear'; method?: ManagerMethod }
  | { kind: 'drop' | 'goaway' };

const REFUSAL = 'refused on order';
const MAX_DELAY_MS = 60 * 60 * 1000;

export function parseMethod(text: unknown): ManagerMethod {
  const method = MANAGER_METHODS.find((name) => name === text);
  if (!method) throw new Error(`unknown method ${JSON.stringify(text)}: it is one of ${MANAGER_METHODS.join(', ')}`);
  return method;
}

/** `50ms` or `2s` → milliseconds. */
function parseDelay(text: string): number {
  const found = /^(\d{1,9})(ms|s)$/.exec(text);
  const ms = Number(found?.[1]) * (found?.[2] === 's' ? 1000 : 1);
  if (!found || ms > MAX_DELAY_MS) throw new Error(`not a delay: ${JSON.stringify(text)} (50ms, 2s; an hour at most)`);
  return ms;
}

export type FaultOption = 'refuse' | 'stall' | 'lose' | 'delay';

/** The value of `--refuse`, `--stall`, `--lose` or `--delay`. */
export function parseFaultOption(option: FaultOption, value: string): Command {
  const at = value.indexOf('=');
  const method = parseMethod(at < 0 ? value : value.slice(0, at));
  const detail = at < 0 ? null : value.slice(at + 1);
  switch (option) {
    case 'refuse':
      return { kind: 'fault', method, fault: { kind: 'refuse', message: detail ?? REFUSAL } };
    case 'delay':
      return { kind: 'fault', method, fault: { kind: 'delay', ms: parseDelay(detail ?? '') } };
    default:
      if (detail !== null) throw new Error(`--${option} takes a method only`);
      return { kind: 'fault', method, fault: { kind: option } };
  }
}

const KEYS: Record<FaultKind, readonly string[]> = {
  refuse: ['method', 'message', 'status', 'times'],
  stall: ['method', 'times'],
  lose: ['method', 'times'],
  delay: ['method', 'ms', 'times'],
  release: ['method'],
  clear: ['method'],
  drop: [],
  goaway: [],
};

/** gRPC's number of a status by its name (`UNAVAILABLE`). */
function parseStatus(name: unknown): number {
  const code = Object.entries(status).find(([key]) => key === name)?.[1];
  if (typeof code !== 'number' || code === status.OK)
    throw new Error(`not a failing gRPC status: ${JSON.stringify(name)}`);
  return code;
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

/** One line of standard input: `{"fault":"refuse","method":"RegisterNode","message":"…","times":1}`. */
export function parseCommand(line: string): Command {
  const order: unknown = JSON.parse(line);
  if (typeof order !== 'object' || order === null || Array.isArray(order)) throw new Error('not a JSON object');
  const { fault: name, ...rest } = order as Record<string, unknown>;
  const kind = FAULT_KINDS.find((known) => known === name);
  if (!kind) throw new Error(`unknown fault ${JSON.stringify(name)}: it is one of ${FAULT_KINDS.join(', ')}`);
  const surplus = Object.keys(rest).find((key) => !KEYS[kind].includes(key));
  if (surplus) throw new Error(`${kind} has no ${JSON.stringify(surplus)}`);
  if (kind === 'drop' || kind === 'goaway') return { kind };
  if (kind === 'release' || kind === 'clear') {
    return { kind, ...(rest['method'] === undefined ? {} : { method: parseMethod(rest['method']) }) };
  }
  const { times } = rest;
  if (times !== undefined && !(Number.isInteger(times) && Number(times) > 0))
    throw new Error('times is not a whole number above 0');
  return {
    kind: 'fault',
    method: parseMethod(rest['method']),
    fault: parseFault(kind, rest),
    ...(times === undefined ? {} : { times: Number(times) }),
  };
}
