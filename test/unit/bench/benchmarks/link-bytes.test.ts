import { expect, test } from 'vitest';
import { bytesOfDay, type Call, type Passed } from '../../../../bench/benchmarks/link-bytes.ts';

const CALLS: Call[] = [
  { kind: 'heartbeat', atMs: 1000 },
  { kind: 'report', atMs: 1200 },
  { kind: 'heartbeat', atMs: 3000 },
  { kind: 'heartbeat', atMs: 5000 },
  { kind: 'states', atMs: 7000 },
];
const PASSED: Passed[] = [
  { atMs: 999, up: 500, down: 0 }, // the first of a connection, which names what later ones refer to
  { atMs: 1001, up: 0, down: 80 },
  { atMs: 1190, up: 2000, down: 0 },
  { atMs: 1199, up: 1000, down: 0 },
  { atMs: 1210, up: 0, down: 90 },
  { atMs: 2999, up: 100, down: 0 },
  { atMs: 3002, up: 0, down: 70 },
  { atMs: 4998, up: 110, down: 0 },
  { atMs: 5001, up: 0, down: 70 },
  { atMs: 7000, up: 200, down: 60 },
  { atMs: 9000, up: 39, down: 39 },
];

test('each piece is of the nearest call, each call costs its median, and a day has as many as by default', () => {
  const figures = bytesOfDay(PASSED, CALLS, 86_400);
  expect(figures.kinds).toEqual({
    heartbeat: { calls: 3, ofCall: { up: 110, down: 70 }, ofDay: { up: 158_400, down: 100_800 } },
    report: { calls: 1, ofCall: { up: 3000, down: 90 }, ofDay: { up: 4_320_000, down: 129_600 } },
    states: { calls: 1, ofCall: { up: 200, down: 60 }, ofDay: { up: 576_000, down: 172_800 } },
  });
  expect(figures.other).toEqual({ inWindow: { up: 39, down: 39 }, ofDay: { up: 39_000, down: 39_000 } });
  expect(figures.ofDay).toEqual({ up: 5_093_400, down: 442_200 });
});

test('a kind that did not happen gives no figure', () => {
  expect(() => bytesOfDay(PASSED, CALLS.slice(0, 4), 8000)).toThrow('no states call was seen in a window of 8000 ms');
});
