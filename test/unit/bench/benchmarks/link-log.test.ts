import { expect, test } from 'vitest';
import { drainOf, heartbeatsMs, parseLog, returnOf } from '../../../../bench/benchmarks/link-log.ts';

const START_MS = Date.parse('2026-01-01T00:00:00.000Z');

function log(...lines: [atMs: number, event: string, fields?: object][]): string {
  return lines
    .map(([atMs, event, fields = {}]) => JSON.stringify({ time: new Date(START_MS + atMs), event, ...fields }))
    .join('\n');
}

const TEXT = log(
  [0, 'starting'],
  [10, 'link-state', { state: 'connecting' }],
  [20, 'link-state', { state: 'backing-off' }],
  [150, 'link-state', { state: 'connecting' }],
  [155, 'link-state', { state: 'registering' }],
  [160, 'link-state', { state: 'connected' }],
  [163, 'heartbeat', { roundTripMs: 3 }],
  [180, 'reported', { entries: 100, roundTripMs: 15 }],
  [190, 'heartbeat', { roundTripMs: 7 }],
  [200, 'reported', { entries: 100, roundTripMs: 10 }],
  [220, 'reported', { entries: 4, roundTripMs: 2 }],
  [1190, 'heartbeat', { roundTripMs: 4 }],
);

test('a drain is from handing over its first batch to the answer to its last', () => {
  expect(drainOf(parseLog(TEXT), 200)).toEqual({ fromMs: START_MS + 165, toMs: START_MS + 200, heartbeatsMs: [7] });
  expect(() => drainOf(parseLog(TEXT), 205)).toThrow('204 entries answered of 205');
});

test('heartbeats of a stretch of time', () => {
  expect(heartbeatsMs(parseLog(TEXT), START_MS + 163, START_MS + 1190)).toEqual([3, 7]);
});

test('a return is seen whole, and from the attempt on that succeeded', () => {
  expect(returnOf(parseLog(TEXT), START_MS + 50)).toEqual({ connectedMs: 110, attemptMs: 10, heartbeatMs: 3 });
  expect(() => returnOf(parseLog(TEXT), START_MS + 161)).toThrow('no connection after a return');
});

test('what is no whole line is left out', () => {
  expect(parseLog(`Warning: x\n${TEXT}\n{"time":"2026-`)).toHaveLength(12);
});
