import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { type FaultOption, parseCommand, parseFaultOption } from '../../../src/manager/commands.ts';

test.each<[FaultOption, string, object]>([
  ['refuse', 'RegisterNode', { method: 'RegisterNode', fault: { kind: 'refuse', message: 'refused on order' } }],
  ['refuse', 'RegisterNode=a=b', { method: 'RegisterNode', fault: { kind: 'refuse', message: 'a=b' } }],
  ['stall', 'Heartbeat', { method: 'Heartbeat', fault: { kind: 'stall' } }],
  ['lose', 'SyncAgentStates', { method: 'SyncAgentStates', fault: { kind: 'lose' } }],
  ['delay', 'ReportMetrics=50ms', { method: 'ReportMetrics', fault: { kind: 'delay', ms: 50 } }],
  ['delay', 'ReportMetrics=2s', { method: 'ReportMetrics', fault: { kind: 'delay', ms: 2000 } }],
])('--%s %s', (option, value, expected) => {
  expect(parseFaultOption(option, value)).toEqual({ kind: 'fault', ...expected });
});

test.each<[FaultOption, string, string]>([
  ['refuse', 'Register', 'unknown method "Register"'],
  ['stall', 'Heartbeat=1s', '--stall takes a method only'],
  ['delay', 'Heartbeat', 'not a delay'],
  ['delay', 'Heartbeat=50', 'not a delay'],
  ['delay', 'Heartbeat=3601s', 'not a delay'],
])('--%s %s is refused', (option, value, message) => {
  expect(() => parseFaultOption(option, value)).toThrow(message);
});

test.each([
  [
    '{"fault":"refuse","method":"Heartbeat","message":"no","times":2}',
    { kind: 'fault', method: 'Heartbeat', times: 2, fault: { kind: 'refuse', message: 'no' } },
  ],
  [
    '{"fault":"refuse","method":"Heartbeat","message":"no","status":"UNAVAILABLE"}',
    { kind: 'fault', method: 'Heartbeat', fault: { kind: 'refuse', message: 'no', status: status.UNAVAILABLE } },
  ],
  ['{"fault":"stall","method":"Heartbeat"}', { kind: 'fault', method: 'Heartbeat', fault: { kind: 'stall' } }],
  [
    '{"fault":"delay","method":"Heartbeat","ms":5}',
    { kind: 'fault', method: 'Heartbeat', fault: { kind: 'delay', ms: 5 } },
  ],
  ['{"fault":"release"}', { kind: 'release' }],
  ['{"fault":"clear","method":"Heartbeat"}', { kind: 'clear', method: 'Heartbeat' }],
  ['{"fault":"drop"}', { kind: 'drop' }],
  ['{"fault":"goaway"}', { kind: 'goaway' }],
])('%s', (line, expected) => {
  expect(parseCommand(line)).toEqual(expected);
});

test.each([
  ['[]', 'not a JSON object'],
  ['null', 'not a JSON object'],
  ['{"fault":"explode"}', 'unknown fault "explode"'],
  ['{"fault":"stall"}', 'unknown method undefined'],
  ['{"fault":"stall","method":"Heartbeat","ms":1}', 'stall has no "ms"'],
  ['{"fault":"drop","method":"Heartbeat"}', 'drop has no "method"'],
  ['{"fault":"stall","method":"Heartbeat","times":0}', 'times is not a whole number above 0'],
  ['{"fault":"delay","method":"Heartbeat"}', 'ms is not a number'],
  ['{"fault":"refuse","method":"Heartbeat","status":"OK"}', 'not a failing gRPC status'],
  ['{"fault":"refuse","method":"Heartbeat","status":"14"}', 'not a failing gRPC status'],
  ['{"fault":"refuse","method":"Heartbeat","message":7}', 'message is not a text'],
])('%s is refused', (line, message) => {
  expect(() => parseCommand(line)).toThrow(message);
});

test('what is no JSON is refused', () => {
  expect(() => parseCommand('stall Heartbeat')).toThrow(SyntaxError);
});
