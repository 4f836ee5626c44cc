/** A Manager that serves opslink.v1.Link over loopback, and the daemon's side of the stream with everything it needs. */
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceError,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import {
  OperationsStream,
  type OperationsStreamOptions,
} from '../../../../../src/main/link/stream/operations-stream.ts';
import type {
  RemoteCaller,
  RemoteCallName,
  RemoteCalls,
  RemoteOutcome,
} from '../../../../../src/shared/contracts/remote.ts';
import type { UpdateResult } from '../../../../../src/shared/contracts/update.ts';
import type { Event } from '../../../../../src/shared/gen/daemon.ts';
import {
  type Answer,
  type FromDaemon,
  FromManager,
  LinkService,
  type Request,
} from '../../../../../src/shared/gen/link.ts';
import { ManagerServiceService } from '../../../../../src/shared/gen/manager.ts';
import { waitFor } from '../../../../support/wait-until.ts';

type RawCall = ServerDuplexStream<FromDaemon, Buffer>;

/** One stream as the Manager has it. */
export class ManagerStream {
  readonly call: RawCall;
  readonly received: FromDaemon[] = [];
  ended = false;
  /** Ends its side when the daemon has ended its own, as a Manager should. */
  endsWithTheDaemon = true;

  constructor(call: RawCall) {
    this.call = call;
    call.on('data', (message: FromDaemon) => this.received.push(message));
    call.on('end', () => {
      this.ended = true;
      if (this.endsWithTheDaemon) call.end();
    });
    call.on('cancelled', () => {
      this.ended = true;
    });
    call.on('error', () => {}); // of a stream that was cut
  }

  raw(bytes: Uint8Array): boolean {
    return this.call.write(Buffer.from(bytes));
  }

  ask(request: Request): boolean {
    return this.raw(FromManager.encode({ request }).finish());
  }

  take(eventNumber: number, updateNumber = 0): void {
    this.raw(FromManager.encode({ taken: { eventNumber, updateNumber } }).finish());
  }

  fail(code: number, details: string): void {
    this.call.emit('error', { code, details });
  }

  get answers(): Answer[] {
    return this.received.flatMap(({ answer }) => answer ?? []);
  }

  get batches(): { events: number[]; updates: number[] }[] {
    return this.received.flatMap(({ events }) =>
      events
        ? [{ events: events.events.map((e) => e.number), updates: events.updateResults.map((r) => r.number) }]
        : [],
    );
  }

  answer(id: number): Promise<Answer> {
    return waitFor(() => this.answers.find((answer) => answer.id === id), {
      what: `the answer to ${id}`,
      timeoutMs: 30_000,
    });
  }
}

export interface ManagerHost {
  streams: ManagerStream[];
  server: Server;
  client: Client;
  /** The nth stream, from 1. */
  stream(n: number): Promise<ManagerStream>;
  heartbeat(): Promise<boolean>;
  /** A planned goodbye (GOAWAY); what is left of its connections is cut after the grace. */
  goodbye(graceMs: number): void;
  close(): void;
}

const LINK_RAW = { connect: { ...LinkService.connect, responseSerialize: (bytes: Buffer): Buffer => bytes } };

export interface ManagerHostOptions {
  /** Whether it has the service at all. */
  serves?: boolean;
  onStream?: (stream: ManagerStream) => void;
}

/** Headers go out at once unless `onStream` does as it likes. */
export async function managerHost({ serves = true, onStream }: ManagerHostOptions = {}): Promise<ManagerHost> {
  const server = new Server({ 'grpc.max_receive_message_length': 10 * 1024 * 1024 });
  const streams: ManagerStream[] = [];
  const connect = (call: RawCall): void => {
    const stream = new ManagerStream(call);
    streams.push(stream);
    if (onStream) onStream(stream);
    else call.sendMetadata(call.metadata.clone());
  };
  const link: UntypedServiceImplementation = { connect };
  if (serves) server.addService(LINK_RAW, link);
  const heartbeat = (_call: unknown, reply: (error: null, answer: object) => void): void =>
    reply(null, { success: true, message: '' });
  const unused = (_call: unknown, reply: (error: null, answer: object) => void): void => reply(null, {});
  const service: UntypedServiceImplementation = { registerNode: unused, reportMetrics: unused, heartbeat };
  server.addService(ManagerServiceService, service);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': 10 * 1024 * 1024,
  });
  await new Promise<void>((resolve, reject) => {
    client.waitForReady(Date.now() + 30_000, (error) => (error ? reject(error) : resolve()));
  });
  return {
    streams,
    server,
    client,
    stream: (n) => waitFor(() => streams[n - 1], { what: `stream ${n}`, timeoutMs: 30_000 }),
    heartbeat: () =>
      new Promise((resolve, reject) => {
        const { path, requestSerialize, responseDeserialize } = ManagerServiceService.heartbeat;
        const request = { nodeId: 'n', timestamp: 1 };
        const answered = (error: ServiceError | null, answer?: { success: boolean }): void =>
          error ? reject(error) : resolve(answer?.success ?? false);
        const options = { deadline: Date.now() + 20_000 };
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, options, answered);
      }),
    goodbye: (graceMs) => server.drain(`127.0.0.1:${port}`, graceMs),
    close: () => {
      client.close();
      server.forceShutdown();
    },
  };
}

export interface Asked {
  name: RemoteCallName;
  request: unknown;
  caller: RemoteCaller;
  /** Ends it; without, it is answered by the test's `respond`. */
  finish(outcome: RemoteOutcome<RemoteCallName>): void;
}

export interface Line {
  level: 'debug' | 'info' | 'warn' | 'error';
  event: string;
  message: string;
}

export interface DaemonSideOptions extends Partial<Omit<OperationsStreamOptions, 'dispatcher' | 'log'>> {
  /** What an operation gives; 'hold': the test finishes it itself. */
  respond?: (name: RemoteCallName, request: unknown) => unknown;
  /** Of the waits of the stream, so that none need be waited for. */
  speed?: number;
}

/** Responses are the test's own, of whatever form the operation has. */
function outcome<N extends RemoteCallName>(value: unknown): RemoteOutcome<N> {
  return value as RemoteOutcome<N>;
}

export function daemonSide(client: Client, options: DaemonSideOptions = {}) {
  const { respond = () => ({ response: { agents: [] } }), speed = 1, ...more } = options;
  const asked: Asked[] = [];
  const lines: Line[] = [];
  const timers = new Map<() => void, string>();
  const taken: number[] = [];
  const resultsTaken: number[] = [];
  const events: Event[] = [];
  let updates: UpdateResult[] = [];
  let skewMs = 0;
  const say =
    (level: Line['level']) =>
    (fields: object, message = '') => {
      lines.push({ level, event: 'event' in fields ? String(fields.event) : '', message });
    };
  const stream = new OperationsStream({
    client,
    nodeId: 'node-1',
    daemonVersion: '1.2.3',
    operations: () => ['list', 'config'],
    onEnd: () => {},
    callerNames: () => ['manager.example'],
    dispatcher: {
      call<N extends RemoteCallName>(name: N, request: RemoteCalls[N]['request'], caller: RemoteCaller) {
        return new Promise<RemoteOutcome<N>>((resolve, reject) => {
          asked.push({ name, request, caller, finish: (ended) => resolve(outcome<N>(ended)) });
          try {
            const value = respond(name, request);
            if (value !== 'hold') resolve(outcome<N>(value));
          } catch (error) {
            reject(error);
          }
        });
      },
    },
    events: {
      next: async () => events.slice(0, 3),
      taken: async (number) => {
        taken.push(number);
        const from = events.findIndex((event) => event.number > number);
        events.splice(0, from === -1 ? events.length : from);
      },
    },
    updateResults: () => updates,
    onResultsTaken: (number) => {
      resultsTaken.push(number);
      updates = updates.filter((update) => update.number > number);
    },
    after: (delayMs, name, run) => {
      const timer = setTimeout(() => {
        timers.delete(cancel);
        run();
      }, delayMs / speed);
      const cancel = (): void => {
        clearTimeout(timer);
        timers.delete(cancel);
      };
      timers.set(cancel, name);
      return cancel;
    },
    clock: { nowMs: () => performance.now() + skewMs, wallMs: () => Date.now(), after: () => () => {} },
    random: () => 0,
    log: { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') },
    ...more,
  });
  return {
    stream,
    asked,
    lines,
    timers,
    taken,
    resultsTaken,
    events,
    setUpdates: (results: UpdateResult[]) => {
      updates = results;
    },
    passMs: (ms: number) => {
      skewMs += ms;
    },
    told: (event: string) => lines.filter((line) => line.event === event).map(({ level }) => level),
    reaches: (state: string) =>
      waitFor(() => stream.state === state, { what: `the stream to be ${state}`, timeoutMs: 30_000 }),
  };
}

export function eventOf(number: number, message = ''): Event {
  return { number, timestamp: 1, kind: 'agent-exited', agentId: 'a', message, details: new Map(), lastLines: [] };
}

export function updateOf(number: number): UpdateResult {
  return {
    id: `u${number}`,
    number,
    component: 'agent',
    agentId: 'a',
    success: true,
    oldVersion: '1',
    newVersion: '2',
    code: '',
    error: '',
    rolledBack: false,
    atMs: 5000,
  };
}
