/**
 * Nothing on which the existing Manager stops calling every node leaves the port (wire contract, "One answer can freeze
 * it"): whatever fails, whoever words it, grpc-js itself included.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:http2';
import { join, resolve } from 'node:path';
import { Server, status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { withoutEcho } from '../../../../src/main/server/harmless-status.ts';
import { LIMITS } from '../../../../src/main/server/operations-server.ts';
import { StatusError } from '../../../../src/main/server/status-error.ts';
import { wireWords } from '../../../../src/main/server/wire-words.ts';
import { DaemonError, type ErrorCode } from '../../../../src/shared/errors/daemon-error.ts';
import {
  AgentMetricsRequest,
  AgentOperationRequest,
  AgentOperationResponse,
  ConfigRequest,
  ConfigResponse,
  ListAgentsRequest,
  UpdateRequest,
  UpdateResponse,
} from '../../../../src/shared/gen/daemon.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';
import { frame, type RawAnswer, rawCall, rawSession, SERVICE } from './raw-call.ts';
import { FakeAgents, REQUEST, servedHost } from './served.ts';

const WORDS = /connection|timeout|deadline exceeded|unavailable/i;

const host = servedHost();
const session = (port: number) =>
  rawSession(port, { ca: host.read('ca.crt'), cert: host.read('client.crt'), key: host.read('client.key') });
const operate = (agentId: string, operation: string): Buffer =>
  frame(Buffer.from(AgentOperationRequest.encode({ agentId, operation }).finish()));
const LIST = frame(Buffer.from(ListAgentsRequest.encode({}).finish()));
/** The one message of an answer. */
const messageOf = ({ body }: RawAnswer): Buffer => body.subarray(5);

function expectHarmless({ status: code, message }: Pick<RawAnswer, 'status' | 'message'>): void {
  expect([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]).not.toContain(code);
  expect(message).not.toMatch(WORDS);
}

describe('what grpc-js answers by itself', () => {
  const path = `${SERVICE}/OperateAgent`;
  const encoding = { 'grpc-encoding': 'x-connection-timeout' };
  test.each<[string, string, Buffer, Record<string, string>, number, RegExp]>([
    ['bytes that are no message', path, frame(Buffer.from([0x0a, 0xff, 0xff])), {}, status.INTERNAL, /deserializing/],
    [
      'a message that says it is too large',
      path,
      frame(Buffer.from('x'), { length: LIMITS.messageBytes + 1 }),
      {},
      status.RESOURCE_EXHAUSTED,
      /larger than max/,
    ],
    ['no message', path, Buffer.alloc(0), {}, status.UNIMPLEMENTED, /no request message/],
    [
      'two messages',
      path,
      Buffer.concat([operate('one', 'hold'), operate('one', 'hold')]),
      {},
      status.UNIMPLEMENTED,
      /second/,
    ],
    ['an encoding nobody knows', path, frame(LIST, { flag: 1 }), encoding, status.UNIMPLEMENTED, /x-link-time limit/],
    [
      'what does not decompress',
      path,
      frame(Buffer.from('no gzip'), { flag: 1 }),
      { 'grpc-encoding': 'gzip' },
      status.INTERNAL,
      /decompress/,
    ],
    ['a deadline that is none', path, LIST, { 'grpc-timeout': 'timeout' }, status.INTERNAL, /grpc-time limit/],
    ['a deadline that has passed', path, operate('one', 'stop'), { 'grpc-timeout': '1n' }, status.INTERNAL, /./],
    ['a method that is not served', `${SERVICE}/Register`, LIST, {}, status.UNIMPLEMENTED, /no such method/],
    [
      'an unknown method',
      `${SERVICE}/CheckConnection?timeout=unavailable`,
      LIST,
      {},
      status.UNIMPLEMENTED,
      /no such method/,
    ],
    [
      'an unknown method in disguise',
      '/deadline%20exceeded/%63onnection',
      LIST,
      {},
      status.UNIMPLEMENTED,
      /no such method/,
    ],
  ])('to %s is harmless', async (_, called, body, headers, code, message) => {
    const { port } = await host.serve({ operate: () => new Promise(() => {}) });
    const answer = await rawCall(session(port), called, body, headers);
    expectHarmless(answer);
    expect(answer).toMatchObject({ status: code, message: expect.stringMatching(message) });
  });

  test('to what is no gRPC is HTTP', async () => {
    const { port } = await host.serve();
    const answer = await rawCall(session(port), `${SERVICE}/ListAgents`, LIST, { 'content-type': 'text/timeout' });
    expect(answer).toMatchObject({ httpStatus: 415, status: -1, message: '' });
  });

  test('to headers beyond the limit is a reset that says so, and costs no connection', async () => {
    const { port } = await host.serve();
    const raw = session(port);
    await rawCall(raw, `${SERVICE}/ListAgents`, LIST);
    const long = await rawCall(raw, `${SERVICE}/ListAgents`, LIST, { 'x-long': 'x'.repeat(LIMITS.headerBytes) });
    expect(long).toMatchObject({ status: -1, resetCode: constants.NGHTTP2_ENHANCE_YOUR_CALM });
    expect(await rawCall(raw, `${SERVICE}/ListAgents`, LIST)).toMatchObject({ status: status.OK });
    expect(raw.closed).toBe(false);
  });

  test('to a call that was given up is nothing; the operation goes on', async () => {
    let begun = 0;
    const { port } = await host.serve({ operate: async () => void begun++ });
    const raw = session(port);
    const stream = raw.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => {});
    stream.end(operate('one', 'restart'));
    await waitFor(() => begun === 1, { what: 'the operation' });
    stream.close(constants.NGHTTP2_CANCEL);
    expect(await rawCall(raw, `${SERVICE}/ListAgents`, LIST)).toMatchObject({ status: status.OK });
  });

  test('a library whose inside has changed is left as it is', () => {
    const other = new Server();
    Reflect.set(other, '_respondWithError', undefined);
    expect(withoutEcho(other)).toBe(other);
  });
});

/** Each forbidden word in each shape. */
const SHAPES = ['connection', 'timeout', 'deadline exceeded', 'unavailable'].flatMap((word) => {
  const capital = `${word[0]?.toUpperCase()}${word.slice(1)}`;
  const shapes = [word, word.toUpperCase(), capital, `${word}s`, `re${word}`, `x_${word}-y`, `"${word}"`, `${word}\n`];
  return [...shapes, word.replace(' ', '_'), word.replace(' ', '-').toUpperCase(), word.replace(' ', '')];
});
const EVERY = SHAPES.join(' · ').slice(0, 900);

const CODES: Record<ErrorCode, true> = {
  ...{ D1001: true, D1002: true, D2001: true, D2002: true, D2003: true, D3001: true, D3002: true, D3003: true },
  ...{ D4001: true, D4002: true, D4003: true, D4004: true, D5001: true, internal: true },
};
const grpcError = (code: number): Error =>
  Object.assign(new Error(`${code} ${status[code]}: Connection dropped`), { code, details: 'Connection dropped' });
const THROWN: [string, unknown][] = [
  ...(Object.keys(CODES) as ErrorCode[]).map((code): [string, unknown] => [
    code,
    new DaemonError(code, `in front: ${EVERY}`, { cause: new Error(EVERY) }),
  ]),
  ['code 4 from below', grpcError(status.DEADLINE_EXCEEDED)],
  ['code 14 from below', grpcError(status.UNAVAILABLE)],
  ['code 14 as a status', new StatusError(status.UNAVAILABLE, EVERY)],
  ['code 4 as a status', new StatusError(status.DEADLINE_EXCEEDED, EVERY)],
  ['half a character', new StatusError(status.INTERNAL, 'timeout \ud83d')],
  ['a megabyte', new StatusError(status.INTERNAL, 'connection '.repeat(100_000))],
  ['no error', 'connection timeout'],
];

const fails = (thrown: unknown) => (): never => {
  throw thrown;
};

/** Everything below an operation throws the same. */
class FailingAgents extends FakeAgents {
  readonly #thrown: unknown;
  constructor(thrown: unknown) {
    super(['one'], () => Promise.reject(thrown));
    this.#thrown = thrown;
  }
  override usage = (): never => fails(this.#thrown)();
}

describe.each(THROWN)('%s', (_, thrown) => {
  const encoded = (bytes: Uint8Array): Buffer => frame(Buffer.from(bytes));
  const config = { nodeId: '', agentId: '' };
  const calls: [string, Buffer, (message: Buffer) => string][] = [
    ...['start', 'stop', 'restart'].map((operation): [string, Buffer, (message: Buffer) => string] => [
      'OperateAgent',
      operate('one', operation),
      (message) => AgentOperationResponse.decode(message).errorMessage,
    ]),
    ['GetAgentMetrics', encoded(AgentMetricsRequest.encode({ agentId: 'one', durationSeconds: 1 }).finish()), () => ''],
    [
      'GetConfig',
      encoded(ConfigRequest.encode({ ...config, configType: 'daemon' }).finish()),
      (message) => ConfigResponse.decode(message).message,
    ],
    [
      'PushUpdate',
      encoded(UpdateRequest.encode(REQUEST).finish()),
      (message) => UpdateResponse.decode(message).message,
    ],
  ];

  test('leaves in words that may', async () => {
    host.answer = () => Promise.reject(thrown);
    const { port } = await host.serve({
      agents: new FailingAgents(thrown),
      effectiveConfig: () => Promise.reject(thrown),
    });
    const raw = session(port);
    for (const [method, body, words] of calls) {
      const answer = await rawCall(raw, `${SERVICE}/${method}`, body);
      expectHarmless(answer);
      expect(answer.httpStatus).toBe(200);
      const said = answer.status === status.OK ? words(messageOf(answer)) : answer.message;
      expect(said).not.toMatch(WORDS);
      expect(said).not.toBe('');
    }
  });
});

test('a configuration is data: what it says leaves as it is', async () => {
  host.configFile = join(await testFolder('config'), 'agent.conf');
  writeFileSync(host.configFile, 'connection_timeout: 5s\n');
  const { port } = await host.serve({ effectiveConfig: async () => ({ manager: { timeout: '30s' } }) });
  for (const [configType, said] of [
    ['agent', 'connection_timeout: 5s'],
    ['daemon', '"timeout": "30s"'],
  ] as const) {
    const request = ConfigRequest.encode({ nodeId: '', configType, agentId: configType === 'agent' ? 'one' : '' });
    const answer = await rawCall(session(port), `${SERVICE}/GetConfig`, frame(Buffer.from(request.finish())));
    expect(ConfigResponse.decode(messageOf(answer)).configData.toString()).toContain(said);
  }
});

test('no text in the sources has a forbidden word left once it is ready to leave', () => {
  const sources = (folder: string): string[] =>
    readdirSync(folder).flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? sources(path) : path.endsWith('.ts') ? [path] : [];
    });
  const root = resolve(import.meta.dirname, '../../../../src');
  const texts = ['main', 'shared', 'workers'].flatMap((part) =>
    sources(join(root, part)).flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g)].map(
        String,
      ),
    ),
  );
  expect(texts.filter((text) => WORDS.test(text)).length).toBeGreaterThan(10);
  expect(texts.filter((text) => WORDS.test(wireWords(text)))).toEqual([]);
});
