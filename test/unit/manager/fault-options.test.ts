import { expect, test } from 'vitest';
import { type FaultOption, parseFaultOption, parseFaultSpelling } from '../../../src/manager/fault-options.ts';

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
  ['refuse', 'Registers', 'unknown method "Registers"'],
  ['stall', 'Heartbeat=1s', 'stall takes a method only'],
  ['delay', 'Heartbeat', 'not a delay'],
  ['delay', 'Heartbeat=50', 'not a delay'],
  ['delay', 'Heartbeat=3601s', 'not a delay'],
])('--%s %s is refused', (option, value, message) => {
  expect(() => parseFaultOption(option, value)).toThrow(message);
});

test.each<[string, object]>([
  ['refuse:Heartbeat', { kind: 'fault', method: 'Heartbeat', fault: { kind: 'refuse', message: 'refused on order' } }],
  ['refuse:Connect=a:b', { kind: 'fault', method: 'Connect', fault: { kind: 'refuse', message: 'a:b' } }],
  ['stall:Register', { kind: 'fault', method: 'Register', fault: { kind: 'stall' } }],
  ['lose:ReportMetrics', { kind: 'fault', method: 'ReportMetrics', fault: { kind: 'lose' } }],
  ['slow:Heartbeat=1.5s', { kind: 'fault', method: 'Heartbeat', fault: { kind: 'delay', ms: 1500 } }],
  ['goaway:10', { kind: 'goaway', everyCalls: 10 }],
  ['cut:4096', { kind: 'cut', bytes: 4096 }],
])('--fault %s', (spelling, expected) => {
  expect(parseFaultSpelling(spelling)).toEqual(expected);
});

test.each([
  ['explode', 'unknown fault "explode"'],
  ['stall', 'unknown method ""'],
  ['goaway', 'goaway:CALLS: "" is not a whole number above 0'],
  ['cut:0', 'cut:BYTES: "0" is not a whole number above 0'],
])('--fault %s is refused', (spelling, message) => {
  expect(() => parseFaultSpelling(spelling)).toThrow(message);
});
