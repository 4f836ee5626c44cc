/**
 * Carries out what a running Manager is told: faults, operations, what it knows. Each order is a JSON object, from its
 * standard input or its control socket alike.
 */
import type { DeletedEvent, FaultEvent, NodesEvent, OperationOutcome } from '../shared/contracts/manager-events.ts';
import type { Clock } from '../shared/platform/clock.ts';
import { type Command, parseCommand } from './commands.ts';
import type { ReferenceManager } from './manager.ts';
import { nodeOverview } from './node-overview.ts';
import { parseOrderedOperation } from './operation-data.ts';

/** An event that is still to be shown, or the outcome of an operation, which the Manager has told already. */
export type OrderAnswer = { event: FaultEvent | NodesEvent | DeletedEvent } | { outcome: OperationOutcome };

export async function execute(manager: ReferenceManager, command: Command): Promise<void> {
  switch (command.kind) {
    case 'fault':
      manager.faults.set(command.method, command.fault, command.times);
      break;
    case 'release':
    case 'clear':
      manager.faults[command.kind](command.method);
      if (command.method === undefined || command.method === 'Connect') manager.streams.release();
      if (command.kind === 'clear' && command.method === undefined) manager.connectionFaults.clear();
      break;
    case 'drop':
      manager.dropConnections();
      break;
    case 'goaway':
      if (command.everyCalls === undefined) manager.sendGoaway();
      else manager.connectionFaults.goawayEvery(command.everyCalls);
      break;
    case 'cut':
      manager.connectionFaults.cutAfter(command.bytes, command.times);
      break;
    case 'hold-stream':
      if (manager.streams.hold(command.node) === 0) throw new Error('there is no such stream');
      break;
    case 'reload-tls':
      await manager.reloadTls();
      break;
  }
}

function faultEvent(command: Command): FaultEvent {
  const fault = command.kind === 'fault' ? command.fault.kind : command.kind;
  return { event: 'fault', fault, ...('method' in command && command.method ? { method: command.method } : {}) };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Rejects with an Error that says what is wrong with the order. */
export async function carryOut(manager: ReferenceManager, order: unknown, clock: Clock): Promise<OrderAnswer> {
  if (!isObject(order)) throw new Error('not a JSON object');
  const { op } = order;
  if (op === undefined) {
    const command = parseCommand(order);
    await execute(manager, command);
    return { event: faultEvent(command) };
  }
  if (op === 'nodes') {
    const has = (nodeId: string): boolean => manager.streams.of(nodeId) !== null;
    return { event: { event: 'nodes', nodes: nodeOverview(manager.nodes, has, clock.wallMs()) } };
  }
  if (op === 'delete') {
    const { node } = order;
    if (typeof node !== 'string') throw new Error('node is not a text');
    return { event: { event: 'deleted', nodeId: node, existed: manager.deleteNode(node) } };
  }
  const { node, call, tag } = parseOrderedOperation(order);
  return { outcome: await manager.operate(node, call, tag) };
}
