import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { parseCommand } from '../../../src/manager/commands.ts';

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
  ['{"fault":"slow","method":"Connect","ms":5}', { kind: 'fault', method: 'Connect', fault: { kind: 'delay', ms: 5 } }],
  ['{"fault":"goaway"}', { kind: 'goaway' }],
  ['{"fault":"goaway","everyCalls":3}', { kind: 'goaway', everyCalls: 3 }],
  ['{"fault":"cut","bytes":1000,"times":1}', { kind: 'cut', bytes: 1000, times: 1 }],
  ['{"fault":"cut","bytes":1000}', { kind: 'cut', bytes: 1000 }],
  ['{"fault":"hold-stream"}', { kind: 'hold-stream' }],
  ['{"fault":"hold-stream","node":"n"}', { kind: 'hold-stream', node: 'n' }],
  ['{"fault":"reload-tls"}', { kind: 'reload-tls' }],
])('%s', (line, expected) => {
  expect(parseCommand(JSON.parse(line))).toEqual(expected);
});

test.each([
  ['{"fault":"explode"}', 'unknown fault "explode"'],
  ['{"fault":"stall"}', 'unknown method undefined'],
  ['{"fault":"stall","method":"Heartbeat","ms":1}', 'stall has no "ms"'],
  ['{"fault":"drop","method":"Heartbeat"}', 'drop has no "method"'],
  ['{"fault":"stall","method":"Heartbeat","times":0}', 'times is not a whole number above 0'],
  ['{"fault":"goaway","everyCalls":0}', 'everyCalls is not a whole number above 0'],
  ['{"fault":"cut"}', 'cut wants bytes'],
  ['{"fault":"cut","bytes":1.5}', 'bytes is not a whole number above 0'],
  ['{"fault":"hold-stream","node":7}', 'node is not a text'],
  ['{"fault":"delay","method":"Heartbeat"}', 'ms is not a number'],
  ['{"fault":"refuse","method":"Heartbeat","status":"OK"}', 'not a failing gRPC status'],
  ['{"fault":"refuse","method":"Heartbeat","status":"14"}', 'not a failing gRPC status'],
  ['{"fault":"refuse","method":"Heartbeat","message":7}', 'message is not a text'],
])('%s is refused', (line, message) => {
  expect(() => parseCommand(JSON.parse(line))).toThrow(message);
});
