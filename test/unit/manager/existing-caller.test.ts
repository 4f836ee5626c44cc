import { expect, test } from 'vitest';
import { ExistingCaller } from '../../../src/manager/existing-caller.ts';
import { type OperationCall, outcomeOf } from '../../../src/manager/operation.ts';
import { AGENT_STATE } from '../../support/manager-client.ts';

const NODE = { states: new Map([['agent-1', AGENT_STATE]]) };
const restart = (agent: string): OperationCall => ({ operation: { operation: 'restart', agent } });

test.each<[OperationCall, string | null]>([
  [restart('agent-1'), null],
  [{ operation: { operation: 'list' } }, null],
  [{ operation: { operation: 'metrics', agent: 'agent-1', durationSeconds: 0 } }, null],
  [restart('stranger'), 'agent stranger was never synced: the existing Manager knows no such agent'],
  [restart('a.b'), '"a.b" is no agent id: 1 to 100 of A-Z a-z 0-9 _ -'],
  [restart(''), '"" is no agent id: 1 to 100 of A-Z a-z 0-9 _ -'],
  [restart('x'.repeat(101)), `"${'x'.repeat(101)}" is no agent id: 1 to 100 of A-Z a-z 0-9 _ -`],
  [{ operation: { operation: 'config', agent: '' } }, 'the existing Manager never asks for config'],
  [{ ...restart('agent-1'), via: 'stream' }, 'the existing Manager has no streams'],
])('%j', (call, refusal) => {
  expect(new ExistingCaller().refusal(call, NODE)).toBe(refusal);
});

const failed = (message: string) =>
  outcomeOf('dial', { name: 'OperateAgent', response: { success: false, errorMessage: message } });

test.each([
  ['a success', outcomeOf('dial', { name: 'OperateAgent', response: { success: true, errorMessage: '' } }), false],
  ['a failure in harmless words', failed('did not stop within 30 s'), false],
  ['NOT_FOUND', outcomeOf('dial', { status: 5, message: 'no such agent' }), false],
  ['INTERNAL', outcomeOf('dial', { status: 13, message: 'it broke' }), false],
  ['UNAVAILABLE', outcomeOf('dial', { status: 14, message: '' }), true],
  ['DEADLINE_EXCEEDED', outcomeOf('dial', { status: 4, message: '' }), true],
  ['"connection" in a failure', failed('the connection to the agent broke'), true],
  ['"timeout" in a status', outcomeOf('dial', { status: 13, message: 'stop timeout' }), true],
  ['"deadline exceeded"', failed('context deadline exceeded'), true],
  ['"Unavailable"', failed('Unavailable'), true],
])('%s', (_, outcome, freezes) => {
  const caller = new ExistingCaller();
  expect(caller.freezes(outcome)).toBe(freezes);
  // frozen for every node, until it is started anew
  const refusal = caller.refusal({ operation: { operation: 'list' } }, { states: new Map() });
  expect(refusal).toEqual(freezes ? expect.stringContaining('frozen: it calls no node any more') : null);
});
