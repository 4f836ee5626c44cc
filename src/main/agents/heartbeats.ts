/**
 * Receives agents' heartbeats on a Unix socket (design document 3.3.3): JSON objects with pid, timestamp, version,
 * status, cpu, memory. A malformed frame ends that connection with a logged reason and touches nothing else.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { RateLimit } from '../../shared/lifecycle/rate-limit.ts';
import { JsonFrames } from '../../shared/platform/json-frames.ts';
import { listenOnSocket } from '../../shared/platform/unix-socket.ts';
import type { HeartbeatCounters } from './heartbeat-counters.ts';

export interface Heartbeat {
  pid: number;
  version: string;
  status: string;
  /** Percent of one core, as the agent says. */
  cpuPercent: number;
  memoryBytes: number;
}

export interface HeartbeatReceiverOptions {
  path: string;
  /** Returns why the heartbeat is refused, or null. */
  onHeartbeat(heartbeat: Heartbeat): string | null;
  counters: HeartbeatCounters;
  /** Monotonic milliseconds. */
  nowMs(): number;
  log: { warn(fields: object, message?: string): void };
}

const MAX_FRAME_BYTES = 64 * 1024;
const MAX_CONNECTIONS = 1024;
const MAX_TEXT = 200;
/** Of one connection. */
const PER_SECOND = 20;
const BURST = 100;

/** Throws an Error that names the field. */
export function parseHeartbeat(value: unknown): Heartbeat {
  if (typeof value !== 'object' || value === null) throw new Error('not an object');
  const v = value as Record<string, unknown>;
  const number = (name: string): number => {
    const n = v[name] ?? 0;
    if (typeof n !== 'number' || !Number.isFinite(n) || n < 0) throw new Error(`${name} is not a number of 0 or more`);
    return n;
  };
  const text = (name: string): string => {
    const t = v[name] ?? '';
    if (typeof t !== 'string' || t.length > MAX_TEXT)
      throw new Error(`${name} is not a text of at most ${MAX_TEXT} characters`);
    return t;
  };
  const pid = v['pid'];
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid <= 0)
    throw new Error('pid is not a whole number above 0');
  text('timestamp');
  return {
    pid,
    version: text('version'),
    status: text('status'),
    cpuPercent: number('cpu'),
    memoryBytes: number('memory'),
  };
}

export class HeartbeatReceiver {
  readonly #options: HeartbeatReceiverOptions;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();

  private constructor(options: HeartbeatReceiverOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Takes over a stale socket file; a live one is an error, since another program serves it. */
  static async listen(options: HeartbeatReceiverOptions): Promise<HeartbeatReceiver> {
    const { path } = options;
    const receiver = new HeartbeatReceiver(options);
    await listenOnSocket(receiver.#server, path);
    receiver.#server.on('error', (err) =>
      options.log.warn({ event: 'heartbeat-socket', path, err }, 'heartbeat socket failed'),
    );
    return receiver;
  }

  /** Ends the connections and removes the socket file. */
  close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    const { log, counters, nowMs, onHeartbeat } = this.#options;
    const frames = new JsonFrames(MAX_FRAME_BYTES);
    const rate = new RateLimit(PER_SECOND, BURST);
    let toldOfRate = false;
    const refused = (reason: string, err?: unknown): void =>
      log.warn({ event: 'heartbeat-refused', reason, ...(err ? { err } : {}) }, `heartbeat refused: ${reason}`);
    const take = (value: unknown): void => {
      const heartbeat = parseHeartbeat(value);
      if (!rate.take(nowMs())) {
        counters.dropped++;
        if (!toldOfRate) refused(`more than ${PER_SECOND} a second on one connection`);
        toldOfRate = true;
        return;
      }
      const why = onHeartbeat(heartbeat);
      if (why) refused(why);
    };
    this.#connections.add(socket);
    socket.on('close', () => this.#connections.delete(socket));
    socket.on('error', (err) => refused('the connection failed', err));
    socket.on('data', (chunk) => {
      try {
        for (const value of frames.push(chunk)) take(value);
      } catch (error) {
        counters.malformed++;
        refused(error instanceof Error ? error.message : String(error));
        socket.destroy();
      }
    });
  }
}
