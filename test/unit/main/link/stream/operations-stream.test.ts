import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import { STALLED_MS } from '../../../../../src/main/link/stream/message-outlet.ts';
import { FromManager, type Request } from '../../../../../src/shared/gen/link.ts';
import { waitFor } from '../../../../support/wait-until.ts';
import {
  type DaemonSideOptions,
  daemonSide,
  eventOf,
  type ManagerHostOptions,
  managerHost,
  updateOf,
} from './stream-host.ts';

const ends: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (let end = ends.pop(); end; end = ends.pop()) await end();
});

async function setUp(options: DaemonSideOptions = {}, manager: ManagerHostOptions = {}) {
  const host = await managerHost(manager);
  ends.push(() => host.close());
  const daemon = daemonSide(host.client, options);
  ends.push(() => daemon.stream.close(0));
  return { host, daemon };
}

async function open(options: DaemonSideOptions = {}) {
  const { host, daemon } = await setUp(options);
  daemon.stream.start();
  const stream = await host.stream(1);
  await daemon.reaches('open');
  return { host, daemon, stream };
}

const list = (id: number): Request => ({ id, listAgents: {} });
const until = (condition: () => unknown, what: string): Promise<unknown> =>
  waitFor(() => Boolean(condition()), { what, timeoutMs: 30_000 });

test('it begins with a hello, which comes once', async () => {
  const { stream, daemon } = await open();
  daemon.stream.start();
  stream.ask(list(1));
  await stream.answer(1);
  expect(stream.received.map(({ hello }) => hello)).toEqual([
    { nodeId: 'node-1', daemonVersion: '1.2.3', operations: ['list', 'config'], maxRequests: 16 },
    undefined,
  ]);
});

describe('operations', () => {
  const agent = { id: 'a', type: 't', version: '1', status: 'running', pid: 3, startTime: 1, restartCount: 0 };
  test.each<[string, Omit<Request, 'id'>, unknown, object]>([
    [
      'ListAgents',
      { listAgents: {} },
      { agents: [{ ...agent, lastHeartbeat: 2 }] },
      { listAgents: { agents: [{ id: 'a', pid: 3 }] } },
    ],
    [
      'OperateAgent',
      { operateAgent: { agentId: 'a', operation: 'restart' } },
      { success: false, errorMessage: 'no' },
      { operateAgent: { success: false, errorMessage: 'no' } },
    ],
    [
      'GetAgentMetrics',
      { agentMetrics: { agentId: 'a', durationSeconds: 60 } },
      { agentId: 'a', dataPoints: [] },
      { agentMetrics: { agentId: 'a', dataPoints: [] } },
    ],
    [
      'GetConfig',
      { config: { nodeId: 'n', configType: 'agent', agentId: 'a' } },
      { success: true, message: '', configData: Buffer.from('x') },
      { config: { success: true } },
    ],
    [
      'PushUpdate',
      {
        pushUpdate: {
          nodeId: '',
          component: 'agent',
          version: '2',
          downloadUrl: '',
          hash: '',
          signature: '',
          updateData: Buffer.alloc(3 * 1024 * 1024, 7),
          agentId: 'a',
          manifest: 'm',
          retry: true,
        },
      },
      { success: true, message: 'accepted' },
      { pushUpdate: { success: true, message: 'accepted' } },
    ],
  ])('%s', async (name, operation, response, expected) => {
    const { stream, daemon } = await open({ respond: () => ({ response }) });
    stream.ask({ id: 7, ...operation });
    expect(await stream.answer(7)).toMatchObject({ id: 7, status: 0, message: '', ...expected });
    const [asked] = daemon.asked;
    expect(asked).toMatchObject({ name, caller: { via: 'stream', names: ['manager.example'] } });
    expect(inspect(asked?.request)).toBe(inspect(Object.values(operation)[0]));
  });

  test('what the operation ends with is the answer', async () => {
    const { stream } = await open({ respond: () => ({ status: status.NOT_FOUND, message: 'no agent x' }) });
    stream.ask(list(1));
    expect(await stream.answer(1)).toMatchObject({ status: status.NOT_FOUND, message: 'no agent x' });
  });

  test('a dispatcher that fails against its promise still gives an answer', async () => {
    const respond = (): never => {
      throw new Error('a fault');
    };
    const { stream, daemon } = await open({ respond });
    stream.ask(list(1));
    expect(await stream.answer(1)).toMatchObject({ status: status.INTERNAL });
    expect(daemon.told('stream-fault')).toEqual(['error']);
  });

  test('answers go as they end, not in order', async () => {
    const { stream, daemon } = await open({ respond: () => 'hold' });
    stream.ask(list(1));
    stream.ask(list(2));
    await until(() => daemon.asked.length === 2, 'both requests');
    daemon.asked[1]?.finish({ response: { agents: [] } });
    await stream.answer(2);
    daemon.asked[0]?.finish({ response: { agents: [] } });
    await stream.answer(1);
    expect(stream.answers.map(({ id }) => id)).toEqual([2, 1]);
  });

  test('a request that is being served joins it, and its id is free afterwards', async () => {
    const { stream, daemon } = await open({ respond: () => 'hold' });
    stream.ask(list(5));
    stream.ask(list(5));
    stream.ask(list(6));
    await until(() => daemon.asked.length === 2, 'the other request');
    for (const { finish } of daemon.asked) finish({ response: { agents: [] } });
    await stream.answer(6);
    stream.ask(list(5));
    await until(() => daemon.asked.length === 3, 'the id to be used again');
    daemon.asked[2]?.finish({ response: { agents: [] } });
    await until(() => stream.answers.length === 3, 'its answer');
    expect(stream.answers.map(({ id }) => id)).toEqual([5, 6, 5]);
  });

  test.each<[string, Request]>([
    ['id 0', list(0)],
    ['no operation', { id: 3 }],
  ])('%s is refused', async (_, request) => {
    const { stream, daemon } = await open();
    stream.ask(request);
    expect(await stream.answer(request.id)).toMatchObject({ status: status.INVALID_ARGUMENT });
    expect(daemon.asked).toEqual([]);
  });

  test('of a hundred at once sixteen are served, and each has one answer', async () => {
    const { stream, daemon } = await open({ respond: () => 'hold' });
    for (let id = 1; id <= 100; id++) stream.ask(list(id));
    await until(() => stream.answers.length === 84, '84 refusals');
    expect(new Set(stream.answers.map((answer) => answer.status))).toEqual(new Set([status.RESOURCE_EXHAUSTED]));
    for (const { finish } of daemon.asked) finish({ response: { agents: [] } });
    await until(() => stream.answers.length === 100, 'all answers');
    const ids = stream.answers.map(({ id }) => id).sort((a, b) => a - b);
    expect(ids).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    stream.ask(list(101));
    await until(() => daemon.asked.length === 17, 'room for another');
  });

  test('an answer that is too large becomes one that says so; one just below goes', async () => {
    const bytes = [10 * 1024 * 1024, 10 * 1024 * 1024 - 100];
    const respond = () => ({ response: { success: true, message: '', configData: Buffer.alloc(bytes.shift() ?? 0) } });
    const { stream } = await open({ respond });
    const config = { nodeId: '', configType: 'daemon', agentId: '' };
    stream.ask({ id: 1, config });
    expect(await stream.answer(1)).toMatchObject({ status: status.RESOURCE_EXHAUSTED });
    stream.ask({ id: 2, config });
    expect((await stream.answer(2)).config?.configData.length).toBe(10 * 1024 * 1024 - 100);
  });

  test('the caller leaves in the middle: the operation goes on, its answer belongs to no other stream', async () => {
    const { host, stream, daemon } = await open({ respond: () => 'hold', speed: 100 });
    stream.ask(list(1));
    await until(() => daemon.asked.length === 1, 'the request');
    stream.fail(status.ABORTED, 'gone');
    const second = await host.stream(2);
    await daemon.reaches('open');
    second.ask(list(2));
    await until(() => daemon.asked.length === 2, 'a request on the next stream');
    daemon.asked[0]?.finish({ response: { agents: [] } });
    daemon.asked[1]?.finish({ response: { agents: [] } });
    await second.answer(2);
    expect(second.answers.map(({ id }) => id)).toEqual([2]);
  });
});

describe('a Manager that does not read', () => {
  const ANSWER = 256 * 1024;
  const config = { nodeId: '', configType: 'daemon', agentId: '' };
  const respond = () => ({ response: { success: true, message: '', configData: randomBytes(ANSWER) } });

  test('fills nothing here: requests are left unread, and all goes on when it reads', async () => {
    const { host, stream, daemon } = await open({ respond });
    stream.call.pause();
    const total = 400;
    let refusedByItsOwn = false;
    for (let id = 1; id <= total; id++) refusedByItsOwn = !stream.ask({ id, config }) || refusedByItsOwn;
    let before = -1;
    await waitFor(
      () => {
        const still = daemon.asked.length === before;
        before = daemon.asked.length;
        return still && before > 0;
      },
      { what: 'it to take no more requests', everyMs: 300, timeoutMs: 30_000 },
    );
    // what grpc-js keeps of a call by itself (1 MiB), its readable side (16 messages), and what was being served
    expect(daemon.asked.length).toBeLessThanOrEqual(48);
    expect(refusedByItsOwn).toBe(true);
    expect(await host.heartbeat()).toBe(true);
    stream.call.resume();
    await until(() => stream.answers.length === total, 'every answer');
    expect(new Set(stream.answers.map(({ id }) => id)).size).toBe(total);
  });

  test('for a minute loses the stream', async () => {
    const { stream, daemon, host } = await open({ respond, speed: STALLED_MS / 1000 });
    stream.call.pause();
    for (let id = 1; id <= 40; id++) stream.ask({ id, config });
    await host.stream(2);
    expect(daemon.lines.find(({ event }) => event === 'stream-reopened')).toMatchObject({
      level: 'warn',
      message: expect.stringContaining('has not read'),
    });
  });

  test('does not hold up the end', async () => {
    const { stream, daemon } = await open({ respond });
    stream.call.pause();
    for (let id = 1; id <= 40; id++) stream.ask({ id, config });
    await until(() => daemon.asked.length >= 8, 'requests');
    await daemon.stream.close(50);
    expect(daemon.stream.state).toBe('closed');
    expect(daemon.timers.size).toBe(0);
  });
});

describe('what is no message', () => {
  test.each([
    ['random bytes', Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])],
    ['a length beyond the end', Buffer.from([0x0a, 0x7f, 0x01])],
    ['an id beyond 2^53', Buffer.from([0x0a, 0x0a, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])],
  ])('%s: the stream is opened anew, nothing else ends', async (_, bytes) => {
    const { host, stream, daemon } = await open({ speed: 20 });
    stream.raw(bytes);
    const second = await host.stream(2);
    await daemon.reaches('open');
    second.ask(list(1));
    await second.answer(1);
    expect(daemon.lines.find(({ event }) => event === 'stream-reopened')).toMatchObject({
      level: 'warn',
      message: expect.stringContaining('no message of opslink.v1'),
    });
    expect(await host.heartbeat()).toBe(true);
  });

  test('a message of a later version of the protocol is passed over', async () => {
    const { stream, daemon } = await open();
    stream.raw(Buffer.from([0x7a, 0x01, 0x61])); // field 15
    stream.raw(FromManager.encode({}).finish());
    stream.ask(list(1));
    await stream.answer(1);
    expect(daemon.told('stream-message-ignored')).toEqual(['debug', 'debug']);
  });

  test('one larger than the limit ends the stream only', async () => {
    const { host, stream } = await open({ speed: 20 });
    stream.raw(Buffer.alloc(11 * 1024 * 1024));
    await host.stream(2);
    expect(await host.heartbeat()).toBe(true);
  });
});

describe('events', () => {
  test('go once the stream is open, the next ones when those were taken', async () => {
    const { host, daemon } = await setUp();
    daemon.events.push(...[1, 2, 3, 4, 5].map((number) => eventOf(number)));
    daemon.setUpdates([updateOf(8), updateOf(9)]);
    daemon.stream.start();
    const stream = await host.stream(1);
    await until(() => stream.batches.length === 1, 'the first batch');
    stream.take(2, 9);
    await until(() => daemon.taken.length === 1, 'a part of it to be taken');
    stream.ask(list(1));
    await stream.answer(1);
    expect(stream.batches).toEqual([{ events: [1, 2, 3], updates: [8, 9] }]);
    stream.take(3, 9);
    await until(() => stream.batches.length === 2, 'the second batch');
    stream.take(5);
    await until(() => daemon.taken.length === 3, 'the rest to be taken');
    expect(stream.batches[1]).toEqual({ events: [4, 5], updates: [] });
    expect([daemon.taken, daemon.resultsTaken]).toEqual([[2, 3, 5], [9]]);
  });

  test('new ones are gathered for a moment', async () => {
    const { stream, daemon } = await open();
    for (const number of [1, 2]) {
      daemon.events.push(eventOf(number));
      daemon.stream.eventsWaiting();
    }
    expect([...daemon.timers.values()].filter((name) => name === 'stream events')).toHaveLength(1);
    await until(() => stream.batches.length === 1, 'the batch');
    expect(stream.batches).toEqual([{ events: [1, 2], updates: [] }]);
  });

  test('those that come while a batch is under way go after it', async () => {
    const { stream, daemon } = await open();
    daemon.events.push(eventOf(1));
    daemon.stream.eventsWaiting();
    await until(() => stream.batches.length === 1, 'the batch');
    daemon.events.push(eventOf(2));
    daemon.stream.eventsWaiting();
    await until(() => daemon.timers.size === 0, 'the moment to pass');
    expect(stream.batches).toHaveLength(1);
    stream.take(1);
    await until(() => stream.batches.length === 2, 'the next one');
    expect(stream.batches[1]).toEqual({ events: [2], updates: [] });
  });

  test.each([
    ['a number that was never sent', 4, 0],
    ['a number of updates that was never sent', 0, 4],
    ['a number that goes back', 1, 0],
  ])('%s is ignored', async (_, eventNumber, updateNumber) => {
    const { stream, daemon } = await open();
    daemon.events.push(...[1, 2, 3].map((number) => eventOf(number)));
    daemon.stream.eventsWaiting();
    await until(() => stream.batches.length === 1, 'the batch');
    stream.take(2);
    stream.take(eventNumber, updateNumber);
    await until(() => daemon.told('stream-taken-ignored').length === 1, 'it to be ignored');
    expect(daemon.told('stream-taken-ignored')).toEqual(['debug']);
    expect([daemon.taken, daemon.resultsTaken]).toEqual([[2], []]);
  });

  test('taking nothing, and the same again, is neither told nor noted', async () => {
    const { stream, daemon } = await open();
    daemon.events.push(eventOf(1));
    daemon.stream.eventsWaiting();
    await until(() => stream.batches.length === 1, 'the batch');
    for (const number of [0, 1, 1]) stream.take(number);
    stream.ask(list(1));
    await stream.answer(1);
    expect([daemon.taken, daemon.told('stream-taken-ignored')]).toEqual([[1], []]);
  });

  test('a batch that cannot be noted as taken is not sent twice on one stream', async () => {
    let failing = true;
    const noted: number[] = [];
    const waiting = [eventOf(1), eventOf(2)];
    const events = {
      next: async () => [...waiting],
      taken: async (number: number) => {
        if (failing) throw new Error('no room');
        noted.push(number);
        while (waiting[0] && waiting[0].number <= number) waiting.shift();
      },
    };
    const { stream, daemon } = await open({ events });
    await until(() => stream.batches.length === 1, 'the batch');
    stream.take(2);
    await until(() => daemon.told('stream-events').length === 1, 'the failure to be told');
    waiting.push(eventOf(3));
    daemon.stream.eventsWaiting();
    await until(() => daemon.told('stream-events').length === 2, 'it to be told again');
    failing = false;
    daemon.stream.eventsWaiting();
    await until(() => stream.batches.length === 2, 'the next batch');
    expect(stream.batches[1]).toEqual({ events: [3], updates: [] });
    expect(noted).toEqual([2]);
  });

  test('results that stay with their source are not sent twice on one stream', async () => {
    const { stream, daemon } = await open({ updateResults: () => [updateOf(1)], onResultsTaken: () => {} });
    await until(() => stream.batches.length === 1, 'the batch');
    stream.take(0, 1);
    daemon.events.push(eventOf(1));
    daemon.stream.eventsWaiting();
    await until(() => stream.batches.length === 2, 'the next batch');
    expect(stream.batches[1]).toEqual({ events: [1], updates: [] });
  });

  test('that cannot be read are told, and tried with the next ones', async () => {
    let failing = true;
    const next = async () => {
      if (failing) throw new Error('no disk');
      return [eventOf(1)];
    };
    const { stream, daemon } = await open({ events: { next, taken: async () => {} } });
    await until(() => daemon.told('stream-events').length === 1, 'the failure to be told');
    failing = false;
    daemon.stream.eventsWaiting();
    await until(() => stream.batches.length === 1, 'the batch');
  });

  test('what was not taken comes again on the next stream', async () => {
    const { host, stream, daemon } = await open({ speed: 20 });
    daemon.events.push(eventOf(1), eventOf(2));
    daemon.stream.eventsWaiting();
    await until(() => stream.batches.length === 1, 'the batch');
    stream.take(1);
    await until(() => daemon.taken.length === 1, 'one to be taken');
    stream.fail(status.ABORTED, 'gone');
    const second = await host.stream(2);
    await until(() => second.batches.length === 1, 'the batch again');
    expect(second.batches).toEqual([{ events: [2], updates: [] }]);
  });
});

describe('the end of a stream', () => {
  test('a Manager without the service is asked once', async () => {
    const { daemon } = await setUp({}, { serves: false });
    daemon.stream.start();
    await daemon.reaches('unimplemented');
    daemon.stream.eventsWaiting();
    daemon.stream.start();
    expect(daemon.timers.size).toBe(0);
    expect(daemon.lines).toEqual([expect.objectContaining({ level: 'debug', event: 'stream-unimplemented' })]);
  });

  test('the same reason is told once, until a stream held for a minute', async () => {
    const { host, daemon } = await setUp({ speed: 100 });
    daemon.stream.start();
    const reasons = ['gone', 'gone', 'other', 'other', 'other', 'gone'];
    for (const [n, reason] of reasons.entries()) {
      const stream = await host.stream(n + 1);
      await daemon.reaches('open');
      if (n === 4) daemon.passMs(61_000);
      stream.fail(status.ABORTED, reason);
    }
    await host.stream(reasons.length + 1);
    const told = daemon.lines.filter(({ level }) => level !== 'debug');
    expect(told.map(({ level, message }) => `${level} ${message.split(': ').at(-1)}`)).toEqual([
      'info gone',
      'info other',
      'info other',
      'info gone',
    ]);
  });

  test('a failure waits longer each time, and a steady stream forgets them', async () => {
    const waits: number[] = [];
    const { host, daemon } = await setUp({
      random: () => 1,
      after: (delayMs, name, run) => {
        if (name === 'operations stream' && delayMs >= 2000) waits.push(delayMs);
        const timer = setTimeout(run, delayMs / 1000);
        return () => clearTimeout(timer);
      },
    });
    daemon.stream.start();
    for (let n = 1; n <= 8; n++) {
      const stream = await host.stream(n);
      await daemon.reaches('open');
      if (n === 8) daemon.passMs(61_000);
      stream.fail(status.ABORTED, 'gone');
      await until(() => waits.length === n, 'the wait');
    }
    expect(waits).toEqual([2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 2000]);
  });

  test('the Manager ends its side', async () => {
    const { host, stream, daemon } = await open({ speed: 20 });
    stream.call.end();
    await host.stream(2);
    const line = daemon.lines.find(({ event }) => event === 'stream-reopened');
    expect(line?.message).toMatch(/the Manager ended it$/);
  });

  test('with its connection is told at debug, and no call makes the channel connect anew', async () => {
    const { host, daemon } = await open({ speed: 100 });
    host.server.forceShutdown();
    await until(() => daemon.told('stream-ended').length >= 4, 'several attempts');
    expect(new Set(daemon.lines.map(({ level }) => level))).toEqual(new Set(['debug']));
    expect(daemon.lines.at(-1)?.message).toContain('no connection');
  });

  test('by a planned goodbye is told at debug', async () => {
    const { host, daemon } = await open({ speed: 100 });
    host.goodbye(50);
    await until(() => daemon.told('stream-ended').length >= 2, 'the end, and an attempt after it');
    expect(new Set(daemon.lines.map(({ level }) => level))).toEqual(new Set(['debug']));
  });

  test('a channel that was closed is no fault', async () => {
    const { host, daemon } = await setUp({ speed: 100 });
    host.client.close();
    daemon.stream.start();
    await until(() => daemon.told('stream-ended').length >= 2, 'two attempts');
    expect(daemon.stream.state).toBe('closed');
    expect(new Set(daemon.lines.map(({ level }) => level))).toEqual(new Set(['debug']));
  });

  test('twenty resets leave nothing behind', async () => {
    const { host, daemon } = await setUp({ speed: 100 });
    daemon.events.push(eventOf(1));
    daemon.stream.start();
    const channel = host.client.getChannel();
    for (let n = 1; n <= 20; n++) {
      const stream = await host.stream(n);
      await daemon.reaches('open');
      stream.ask(list(n));
      await stream.answer(n);
      stream.fail(status.ABORTED, 'reset');
    }
    await host.stream(21);
    await daemon.reaches('open');
    expect(host.client.getChannel()).toBe(channel);
    // the stall watch or the wait for headers of the one that is open
    expect(daemon.timers.size).toBeLessThanOrEqual(2);
    await daemon.stream.close();
    expect(daemon.timers.size).toBe(0);
  });
});

describe('a Manager that sends no headers', () => {
  test('counts as open after a while without a refusal, and gets events', async () => {
    const { host, daemon } = await setUp({ speed: 10 }, { onStream: () => {} });
    daemon.events.push(eventOf(1));
    daemon.stream.start();
    const stream = await host.stream(1);
    await daemon.reaches('open');
    await until(() => stream.batches.length === 1, 'the events');
  });

  test('counts as open with its first message', async () => {
    const { host, daemon } = await setUp({}, { onStream: (stream) => stream.ask(list(1)) });
    daemon.stream.start();
    await (await host.stream(1)).answer(1);
    expect(daemon.stream.state).toBe('open');
  });
});

describe('close', () => {
  test('lets answers under way go out, takes no new requests, and ends the stream in order', async () => {
    const { stream, daemon } = await open({ respond: () => 'hold' });
    stream.ask(list(1));
    await until(() => daemon.asked.length === 1, 'the request');
    const closed = daemon.stream.close();
    stream.ask(list(2));
    daemon.asked[0]?.finish({ response: { agents: [] } });
    await closed;
    expect(stream.answers.map(({ id }) => id)).toEqual([1]);
    expect(stream.ended).toBe(true);
    expect(daemon.asked).toHaveLength(1);
    expect(daemon.stream.state).toBe('closed');
    expect(daemon.timers.size).toBe(0);
  });

  test('on a connection that is being given up by plan, answers still go out', async () => {
    const { host, stream, daemon } = await open({ respond: () => 'hold' });
    stream.ask(list(1));
    await until(() => daemon.asked.length === 1, 'the request');
    host.goodbye(20_000);
    const closed = daemon.stream.close();
    daemon.asked[0]?.finish({ response: { agents: [] } });
    await closed;
    expect(stream.answers.map(({ id }) => id)).toEqual([1]);
  });

  test('does not wait for an operation without end, nor for a Manager that does not end its side', async () => {
    const { stream, daemon } = await open({ respond: () => 'hold', speed: 10 });
    stream.endsWithTheDaemon = false;
    stream.ask(list(1));
    await until(() => daemon.asked.length === 1, 'the request');
    await Promise.all([daemon.stream.close(100), daemon.stream.close()]);
    await until(() => stream.ended, 'the end there');
    expect(daemon.told('stream-ended')).toEqual([]);
  });

  test('settles with a stream that ends meanwhile', async () => {
    const { stream, daemon } = await open({ respond: () => 'hold' });
    stream.ask(list(1));
    await until(() => daemon.asked.length === 1, 'the request');
    const closed = daemon.stream.close(30_000);
    stream.fail(status.ABORTED, 'gone');
    await closed;
    expect(daemon.timers.size).toBe(0);
  });

  test('between two streams, and before the first, opens none any more', async () => {
    const { host, stream, daemon } = await open();
    stream.fail(status.ABORTED, 'gone');
    await until(() => daemon.told('stream-ended').length === 1, 'its end');
    daemon.stream.eventsWaiting();
    await daemon.stream.close();
    daemon.stream.eventsWaiting();
    daemon.stream.start();
    expect([daemon.timers.size, host.streams.length]).toEqual([0, 1]);
  });

  test('nothing is begun after it', async () => {
    const { host, daemon } = await setUp();
    await daemon.stream.close();
    daemon.stream.start();
    expect(await host.heartbeat()).toBe(true);
    expect(host.streams).toEqual([]);
  });
});
