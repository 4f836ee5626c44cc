import { describe, expect, test } from 'vitest';
import { outcomeOf, refusedHere, remoteCall, timeoutOf } from '../../../src/manager/operation.ts';
import { type OrderedOperation, operationData, parseOrderedOperation } from '../../../src/manager/operation-data.ts';
import { responseIn } from '../../../src/manager/remote-call.ts';

const UPDATE = {
  component: 'agent' as const,
  agent: 'a',
  version: '2',
  url: 'https://u',
  sha256: 'ff',
  signature: 'c2ln',
  data: Buffer.from('data').toString('base64'),
  manifest: '{}',
  retry: true,
};

describe('as JSON', () => {
  test.each<OrderedOperation>([
    { node: 'n', call: { operation: { operation: 'list' } } },
    { node: 'n', call: { operation: { operation: 'restart', agent: 'a' }, via: 'stream', timeoutMs: 5, requestId: 7 } },
    { node: 'n', call: { operation: { operation: 'metrics', agent: 'a', durationSeconds: 60 } } },
    { node: 'n', call: { operation: { operation: 'config', agent: '' } } },
    { node: 'n', call: { operation: { operation: 'push-update', update: UPDATE }, via: 'dial' } },
  ])('%j there and back', (ordered) => {
    expect(parseOrderedOperation(JSON.parse(JSON.stringify(operationData(ordered))))).toEqual(ordered);
  });

  test('what may be left out', () => {
    expect(parseOrderedOperation({ op: 'config', node: 'n' }).call).toEqual({
      operation: { operation: 'config', agent: '' },
    });
    expect(parseOrderedOperation({ op: 'metrics', node: 'n', agent: 'a', tag: 't' })).toEqual({
      node: 'n',
      call: { operation: { operation: 'metrics', agent: 'a', durationSeconds: 0 } },
      tag: 't',
    });
    expect(parseOrderedOperation({ op: 'push-update', node: 'n' })).toMatchObject({
      call: { operation: { update: { component: 'agent', agent: '', data: '', retry: false } } },
    });
  });

  test.each<[Record<string, unknown>, string]>([
    [{ node: 'n' }, 'op is missing'],
    [{ op: 'explode', node: 'n' }, 'unknown op "explode": it is one of list, start'],
    [{ op: 'list' }, 'node is not a text'],
    [{ op: 'stop', node: 'n' }, 'agent is not a text'],
    [{ op: 'list', node: 'n', via: 'air' }, 'unknown via "air"'],
    [{ op: 'list', node: 'n', timeoutMs: -1 }, 'timeoutMs is no number'],
    [{ op: 'list', node: 'n', tag: 7 }, 'tag is not a text'],
    [{ op: 'push-update', node: 'n', component: 'kernel' }, 'unknown component'],
    [{ op: 'push-update', node: 'n', retry: 'yes' }, 'retry is neither true nor false'],
  ])('%j is refused', (data, message) => {
    expect(() => parseOrderedOperation(data)).toThrow(message);
  });
});

describe('as calls', () => {
  test('an update, byte for byte', () => {
    expect(remoteCall('n', { operation: 'push-update', update: UPDATE })).toEqual({
      name: 'PushUpdate',
      request: {
        nodeId: 'n',
        component: 'agent',
        agentId: 'a',
        version: '2',
        downloadUrl: 'https://u',
        hash: 'ff',
        signature: 'c2ln',
        updateData: Buffer.from('data'),
        manifest: '{}',
        retry: true,
      },
    });
  });

  test.each([
    ['', 'daemon'],
    ['a', 'agent'],
  ])('the configuration of %j is of the type %s', (agent, configType) => {
    expect(remoteCall('n', { operation: 'config', agent }).request).toEqual({
      nodeId: 'n',
      configType,
      agentId: agent,
    });
  });

  test('how long an answer may take', () => {
    expect(timeoutOf({ operation: { operation: 'list' } })).toBe(30_000);
    expect(timeoutOf({ operation: { operation: 'stop', agent: 'a' } })).toBe(90_000);
    expect(timeoutOf({ operation: { operation: 'stop', agent: 'a' }, timeoutMs: 5 })).toBe(5);
  });
});

describe('outcomes', () => {
  test('a refusal in the answer is a failure', () => {
    const response = { success: false, errorMessage: 'no such program' };
    expect(outcomeOf('dial', { name: 'OperateAgent', response })).toEqual({
      success: false,
      via: 'dial',
      status: 'OK',
      message: 'no such program',
      noSuchNode: false,
      result: null,
    });
    const config = { success: false, message: 'too large', configData: Buffer.from('half') };
    expect(outcomeOf('dial', { name: 'GetConfig', response: config })).toMatchObject({ success: false, result: null });
  });

  test('a status by its name, one that gRPC does not have by its number', () => {
    expect(outcomeOf('stream', { status: 5, message: 'm' })).toMatchObject({ success: false, status: 'NOT_FOUND' });
    expect(outcomeOf('stream', { status: 99, message: 'm' })).toMatchObject({ success: false, status: '99' });
    expect(refusedHere('m', true)).toMatchObject({ success: false, via: 'none', noSuchNode: true });
  });

  test('an answer without a result is none', () => {
    expect(responseIn({ id: 1, status: 0, message: '' })).toBeNull();
  });
});
