import { expect, test } from 'vitest';
import { inWords, judge } from '../../../bench/targets.ts';

test.each([
  { target: 'idleCpu', measured: 0.99, says: '< 1 %: holds' },
  { target: 'idleCpu', measured: 1, says: '< 1 %: does not hold' },
  { target: 'idleMemory', measured: 29.9, says: '< 30 MB: holds' },
  { target: 'idleMemory', measured: 61, says: '< 30 MB: does not hold' },
  { target: 'collection', measured: 500, says: '< 500 ms: does not hold' },
  { target: 'report', measured: 3, says: '< 200 ms: holds' },
  { target: 'ctl', measured: 150, says: '< 150 ms: does not hold' },
  { target: 'verifyHeartbeat', measured: 2, says: '≤ 2 x: holds' },
  { target: 'verifyHeartbeat', measured: 2.01, says: '≤ 2 x: does not hold' },
  { target: 'linkHeartbeat', measured: 2.5, says: '≤ 2 x: does not hold' },
  { target: 'heartbeatFootprint', measured: 1.5, says: '≤ 1.5 x: holds' },
  { target: 'verifyHash', measured: 0.95, says: '≥ 0.95 x: holds' },
  { target: 'verifySignature', measured: 0.99, says: '≥ 1 x: does not hold' },
] as const)('$target at $measured', ({ target, measured, says }) => {
  expect(inWords(judge(target, 'a figure', measured))).toBe(says);
});
