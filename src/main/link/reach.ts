/**
 * One way to a Manager: connects and registers. Of several Managers each is tried once, in the host's own order; of
 * several identities the next one is tried where TLS refused the one before. Throws what the first Manager had to say,
 * with the others' answers; leaves no connection behind where it fails.
 */
import type { Config } from '../../shared/config/schema.ts';
import type { Identity } from '../../shared/contracts/identity.ts';
import { DaemonError, describe } from '../../shared/errors/daemon-error.ts';
import type { RegisterNodeRequest } from '../../shared/gen/manager.ts';
import { chooseProxy } from '../../shared/platform/proxy-choice.ts';
import { CallError, ManagerCalls } from './calls.ts';
import { type Connection, type DialOptions, dial as systemDial } from './dial.ts';
import { managerOrder } from './manager-order.ts';
import { connectError, isTlsVerdict } from './tls-failure.ts';

/** Where the host's identities come from: the one in use, and after it one that has not been tried yet. */
export interface LinkIdentities {
  candidates(): Promise<readonly Identity[]>;
  /** It was accepted where the one in use was not. */
  promote(identity: Identity): void;
}

export interface ReachOptions {
  manager: Config['manager'];
  nodeId: string;
  /** Null: plaintext. */
  identities: LinkIdentities | null;
  environment: NodeJS.ProcessEnv;
  /** The registration for a connection to that Manager, whose own end has this address. */
  registration(localAddress: string, managerAddress: string): Promise<RegisterNodeRequest>;
  onRegistering(address: string): void;
  dial?: (options: DialOptions) => Promise<Connection>;
}

export interface Reached {
  address: string;
  connection: Connection;
  calls: ManagerCalls;
  /** As it was sent. */
  request: RegisterNodeRequest;
}

/** `last`: the Manager that served last, which is tried first. */
export async function reachManager(options: ReachOptions, last: string, signal: AbortSignal): Promise<Reached> {
  const failures: { address: string; error: unknown }[] = [];
  for (const address of managerOrder(options.manager.addresses, options.nodeId, last)) {
    try {
      return await reachOne(options, address, signal);
    } catch (error) {
      failures.push({ address, error });
      if (signal.aborted) break;
    }
  }
  throw combined(failures);
}

function combined(failures: readonly { address: string; error: unknown }[]): unknown {
  const [first, ...others] = failures;
  if (!first || others.length === 0) return first?.error;
  const what = failures.map(({ address, error }) => `${address}: ${describe(error)}`).join('; ');
  const refusal = failures.find(({ error }) => error instanceof CallError)?.error;
  // a registration that was refused says more about what to do than a Manager that is away
  if (refusal instanceof CallError) return new CallError('D2002', refusal.kind, what, refusal.cause ?? refusal);
  return new DaemonError('D2001', what, { cause: first.error, retryable: true });
}

async function reachOne(options: ReachOptions, address: string, signal: AbortSignal): Promise<Reached> {
  const { identities } = options;
  if (!identities) return register(options, address, null, signal);
  const candidates = await identities.candidates();
  for (const [n, identity] of candidates.entries()) {
    try {
      const reached = await register(options, address, identity, signal);
      if (n > 0) identities.promote(identity);
      return reached;
    } catch (error) {
      if (n === candidates.length - 1 || !isTlsVerdict(causeOf(error))) throw error;
    }
  }
  throw new DaemonError('D2001', 'there is no identity to connect with', { retryable: true });
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

/** Connects only, and lets go again: whether the Manager takes this identity. Throws D2001. */
export async function tryIdentity(
  options: ReachOptions,
  last: string,
  identity: Identity,
  signal: AbortSignal,
): Promise<void> {
  const [address = ''] = managerOrder(options.manager.addresses, options.nodeId, last);
  (await connect(options, address, identity, signal)).close();
}

function connect(
  { manager, environment, dial = systemDial }: ReachOptions,
  address: string,
  identity: Identity | null,
  signal: AbortSignal,
): Promise<Connection> {
  const { tls, timeoutMs, keepaliveIntervalMs: keepaliveMs } = manager;
  const proxy = chooseProxy(address, manager.proxy, environment);
  return dial({ address, context: identity?.context ?? null, files: tls, proxy, timeoutMs, keepaliveMs, signal });
}

async function register(
  options: ReachOptions,
  address: string,
  identity: Identity | null,
  signal: AbortSignal,
): Promise<Reached> {
  const { manager, registration, onRegistering } = options;
  const connection = await connect(options, address, identity, signal);
  // whatever waits for an answer on it ends with the connection
  const cut = (): void => connection.close();
  signal.addEventListener('abort', cut, { once: true });
  try {
    if (signal.aborted) throw new DaemonError('D2001', 'connecting was cancelled', { cause: signal.reason });
    onRegistering(address);
    const request = await registration(connection.localAddress, address);
    const calls = new ManagerCalls(connection.client, manager.timeoutMs);
    await calls.register(request, manager.protocol).catch((error: unknown) => {
      throw asDeleted(error, options.nodeId);
    });
    return { address, connection, calls, request };
  } catch (error) {
    cut();
    throw explained(error, connection, address, options.manager);
  } finally {
    signal.removeEventListener('abort', cut);
  }
}

function asDeleted(error: unknown, nodeId: string): unknown {
  if (!(error instanceof CallError) || error.kind !== 'refused' || !/duplicate/i.test(describe(error))) return error;
  const what = `the Manager once had node ${nodeId} and deleted it: give this host another daemon.id, or have the entry removed there for good`;
  return new CallError('D2002', 'refused', what, error);
}

/** What TLS had to say explains more than the call that failed by it. */
export function explained(
  error: unknown,
  connection: Connection,
  address: string,
  { tls }: Config['manager'],
): DaemonError {
  const beneath = connection.error();
  if (beneath && isTlsVerdict(beneath)) return connectError(beneath, { address, ...tls, nowMs: Date.now() });
  if (error instanceof DaemonError) return error;
  return new DaemonError('D2001', 'the connection to the Manager was lost', { cause: error, retryable: true });
}
