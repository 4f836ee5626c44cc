/** The dispatcher by itself: what it writes down, how much it lets through, and that it never rejects. */
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { Dispatcher } from '../../../../src/main/server/dispatcher.ts';
import { Operations, type OperationsOptions } from '../../../../src/main/server/operations.ts';
import { StatusError } from '../../../../src/main/server/status-error.ts';
import {
  type AuditEntry,
  REMOTE_OPERATIONS,
  type RemoteCaller,
  type RemoteCallName,
  type RemoteCalls,
} from '../../../../src/shared/contracts/remote.ts';
import { DaemonError, type ErrorCode } from '../../../../src/shared/errors/daemon-error.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeAgents, type Operate, REQUEST } from './served.ts';

const PORT: RemoteCaller = { via: 'port', names: ['cn', 'm.example'] };
const STREAM: RemoteCaller = { via: 'stream', names: [] };
const STOP = { agentId: 'one', operation: 'stop' };
const CONFIG = { nodeId: '', configType: 'daemon', agentId: '' };

interface Over extends Partial<OperationsOptions> {
  operate?: Operate;
  operations?: Operations;
  allow?: readonly string[];
}

function dispatching(over: Over = {}) {
  const clock = new FakeClock();
  const entries: AuditEntry[] = [];
  const operations = new Operations({
    nodeIds: () => ['node-1'],
    agents: new FakeAgents(['one', 'two'], over.operate),
    isUpdating: () => false,
    effectiveConfig: async () => ({}),
    downloadDir: () => '/nowhere',
    request: async () => ({ state: 'begun', message: 'it has begun' }),
    ...over,
  });
  const dispatcher = new Dispatcher({
    operations: over.operations ?? operations,
    access: () => ({ allowedNames: [], allow: over.allow ?? REMOTE_OPERATIONS, plaintext: false }),
    audit: { write: (entry) => entries.push(entry) },
    clock,
  });
  return { dispatcher, entries, clock };
}

/** Each operation with a request that is well made. */
const CALLS: { [N in RemoteCallName]: RemoteCalls[N]['request'] } = {
  ListAgents: {},
  OperateAgent: STOP,
  GetAgentMetrics: { agentId: 'one', durationSeconds: 60 },
  GetConfig: CONFIG,
  PushUpdate: REQUEST,
};
const NAMES = ['ListAgents', 'OperateAgent', 'GetAgentMetrics', 'GetConfig', 'PushUpdate'] as const;

describe('the audit entry', () => {
  test.each<[RemoteCallName, object]>([
    ['ListAgents', {}],
    ['OperateAgent', { agentId: 'one', asked: 'stop' }],
    ['GetAgentMetrics', { agentId: 'one' }],
    ['GetConfig', { configType: 'daemon' }],
    ['PushUpdate', { agentId: 'one', component: 'agent', version: '2.0.0' }],
  ])('of %s that was done names who asked and what', async (operation, subject) => {
    const { dispatcher, entries } = dispatching();
    expect(await dispatcher.call(operation, CALLS[operation], PORT)).toHaveProperty('response');
    const done = { outcome: 'done', status: status.OK, message: '', durationMs: 0 };
    expect(entries).toEqual([{ via: 'port', caller: PORT.names, operation, ...done, ...subject }]);
  });

  test('tells how long it took, by the clock', async () => {
    let finish: () => void = () => {};
    const operate = (): Promise<void> =>
      new Promise((resolve) => {
        finish = resolve;
      });
    const { dispatcher, entries, clock } = dispatching({ operate });
    const answered = dispatcher.call('OperateAgent', STOP, STREAM);
    await clock.advance(1234);
    expect(entries).toEqual([]);
    finish();
    await answered;
    expect(entries).toMatchObject([{ via: 'stream', caller: [], outcome: 'done', durationMs: 1234 }]);
  });

  test('of what failed has the reason as it is; the answer has it in words that may leave', async () => {
    const cause = new Error('14 UNAVAILABLE');
    const operate = (): Promise<void> => Promise.reject(new DaemonError('D3002', 'a timeout', { cause }));
    const { dispatcher, entries } = dispatching({ operate });
    expect(await dispatcher.call('OperateAgent', STOP, PORT)).toEqual({
      response: { success: false, errorMessage: 'a time limit: 14 not there' },
    });
    expect(entries).toMatchObject([{ outcome: 'failed', status: 0, message: 'a timeout: 14 UNAVAILABLE' }]);
  });

  test.each<[string, { agentId: string; operation: string }, number, string]>([
    ['not allowed', STOP, status.PERMISSION_DENIED, 'remote.allow'],
    ['unknown', { agentId: 'one', operation: 'reboot' }, status.INVALID_ARGUMENT, 'start, stop, restart'],
    ['of no agent', { agentId: '', operation: 'start' }, status.INVALID_ARGUMENT, 'agent_id'],
    ['of an unknown agent', { agentId: 'three', operation: 'start' }, status.NOT_FOUND, 'three'],
  ])('of what was refused as %s has its status', async (_, request, code, words) => {
    const { dispatcher, entries } = dispatching({ allow: ['start'] });
    expect(await dispatcher.call('OperateAgent', request, PORT)).toMatchObject({ status: code });
    const refused = { outcome: 'refused', status: code, message: expect.stringContaining(words) };
    expect(entries).toEqual([expect.objectContaining({ ...refused, asked: request.operation })]);
  });

  test('is short, whatever the request is', async () => {
    const { dispatcher, entries } = dispatching();
    const agentId = 'x'.repeat(1024 * 1024);
    const outcome = await dispatcher.call('OperateAgent', { agentId, operation: agentId }, PORT);
    expect(JSON.stringify([entries, outcome]).length).toBeLessThan(5000);
    expect(await dispatcher.call('GetAgentMetrics', { agentId, durationSeconds: 0 }, PORT)).toMatchObject({
      status: status.NOT_FOUND,
    });
    expect(JSON.stringify(entries).length).toBeLessThan(5000);
  });
});

describe('the limit', () => {
  test('lets 40 through at once and 20 a second after that, over both ways together', async () => {
    const { dispatcher, entries, clock } = dispatching();
    const many = async (count: number): Promise<number[]> => {
      const outcomes = Array.from({ length: count }, (_, n) =>
        dispatcher.call('ListAgents', {}, n % 2 ? PORT : STREAM),
      );
      return (await Promise.all(outcomes)).map((outcome) => ('status' in outcome ? outcome.status : status.OK));
    };
    const passed = (codes: number[]): number => codes.filter((code) => code === status.OK).length;
    const atOnce = await many(50);
    expect(passed(atOnce)).toBe(40);
    expect(atOnce.at(-1)).toBe(status.RESOURCE_EXHAUSTED);
    expect(entries.filter(({ outcome }) => outcome === 'refused')).toHaveLength(10);
    await clock.advance(500);
    expect(passed(await many(20))).toBe(10);
    await clock.advance(60_000);
    expect(passed(await many(60))).toBe(40);
  });

  test('of refusals that are written down: others are counted in the next line', async () => {
    const { dispatcher, entries, clock } = dispatching({ allow: ['metrics'] });
    for (let n = 0; n < 100; n++) await dispatcher.call('ListAgents', {}, PORT);
    expect(entries).toHaveLength(40);
    await dispatcher.call('GetAgentMetrics', CALLS.GetAgentMetrics, PORT);
    expect(entries.at(-1)).toMatchObject({ outcome: 'done', message: '(60 refusals before this one are not listed)' });
    await clock.advance(1000);
    await dispatcher.call('ListAgents', {}, PORT);
    expect(entries.at(-1)?.message).toMatch(/remote\.allow.*have list$/);
  });

  test('is not used up by those who are refused', async () => {
    const { dispatcher } = dispatching({ allow: ['metrics'] });
    for (let n = 0; n < 100; n++) await dispatcher.call('ListAgents', {}, PORT);
    expect(await dispatcher.call('GetAgentMetrics', CALLS.GetAgentMetrics, PORT)).toHaveProperty('response');
  });
});

/** Throws the same from each operation. */
class Throwing extends Operations {
  readonly #thrown: unknown;

  constructor(thrown: unknown) {
    super({
      nodeIds: () => [],
      agents: new FakeAgents([]),
      isUpdating: () => false,
      effectiveConfig: async () => ({}),
      downloadDir: () => '',
      request: async () => ({ state: 'done', message: '' }),
    });
    this.#thrown = thrown;
  }

  #throw = (): never => {
    throw this.#thrown;
  };
  override listAgents = this.#throw;
  override operateAgent = this.#throw;
  override agentMetrics = this.#throw;
  override config = this.#throw;
  override pushUpdate = this.#throw;
}

const CODES: Record<ErrorCode, true> = {
  ...{ D1001: true, D1002: true, D2001: true, D2002: true, D2003: true, D3001: true, D3002: true, D3003: true },
  ...{ D4001: true, D4002: true, D4003: true, D4004: true, D5001: true, internal: true },
};
const THROWN: [string, unknown, number, string][] = [
  ...(Object.keys(CODES) as ErrorCode[]).map((code): [string, unknown, number, string] => [
    `DaemonError ${code}`,
    new DaemonError(code, 'no', { cause: new Error('why') }),
    status.INTERNAL,
    'no: why',
  ]),
  ['an Error', new Error('no'), status.INTERNAL, 'no'],
  ['an Error with code 14', Object.assign(new Error('no'), { code: 14 }), status.INTERNAL, 'no'],
  ['an Error with code 4', Object.assign(new Error('no'), { code: 4 }), status.INTERNAL, 'no'],
  ['a text', 'no', status.INTERNAL, 'no'],
  ['null', null, status.INTERNAL, 'null'],
  ['undefined', undefined, status.INTERNAL, ''],
  ['a StatusError', new StatusError(status.NOT_FOUND, 'no'), status.NOT_FOUND, 'no'],
];

describe('what is thrown', () => {
  test.each(THROWN)('%s is an outcome and a line', async (_, thrown, code, message) => {
    const { dispatcher, entries } = dispatching({ operations: new Throwing(thrown) });
    for (const name of NAMES) expect(await dispatcher.call(name, CALLS[name], PORT)).toEqual({ status: code, message });
    expect(entries).toHaveLength(NAMES.length);
    for (const entry of entries) expect(entry).toMatchObject({ status: code, message });
    const outcome = thrown instanceof StatusError ? 'refused' : 'failed';
    for (const entry of entries) expect(entry.outcome).toBe(outcome);
  });

  test('from the configuration’s source is an outcome', async () => {
    const { dispatcher } = dispatching({ effectiveConfig: () => Promise.reject(new DaemonError('D1001', 'no file')) });
    expect(await dispatcher.call('GetConfig', CONFIG, PORT)).toEqual({ status: status.INTERNAL, message: 'no file' });
  });
});

test('what began goes on when nobody waits for it, and its end is written down', async () => {
  let finish: () => void = () => {};
  const operate = (): Promise<void> =>
    new Promise((resolve) => {
      finish = resolve;
    });
  const { dispatcher, entries } = dispatching({ operate });
  const outcomes: unknown[] = [];
  void dispatcher.call('OperateAgent', STOP, PORT).then((outcome) => outcomes.push(outcome));
  const joined = dispatcher.call('OperateAgent', STOP, STREAM);
  await dispatcher.call('ListAgents', {}, PORT);
  finish();
  expect(await joined).toEqual({ response: { success: true, errorMessage: '' } });
  expect(outcomes).toHaveLength(1);
  expect(entries.map(({ operation, via }) => `${operation} ${via}`)).toEqual([
    'ListAgents port',
    'OperateAgent port',
    'OperateAgent stream',
  ]);
});
