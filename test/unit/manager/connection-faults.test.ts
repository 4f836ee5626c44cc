import { expect, test } from 'vitest';
import { ConnectionFaults } from '../../../src/manager/connection-faults.ts';

test('a goodbye after every so many calls, until cleared', () => {
  const faults = new ConnectionFaults();
  expect(faults.callEndsConnections()).toBe(false);
  faults.goawayEvery(3);
  expect([1, 2, 3, 4, 5, 6].map(() => faults.callEndsConnections())).toEqual([false, false, true, false, false, true]);
  faults.clear();
  expect([1, 2, 3].map(() => faults.callEndsConnections())).toEqual([false, false, false]);
});

test('a cut is of so many connections, each with its own count', () => {
  const faults = new ConnectionFaults();
  expect(faults.takeCut()).toBeNull();
  faults.cutAfter(10, 2);
  for (const watcher of [faults.takeCut(), faults.takeCut()]) {
    expect(watcher?.received(Buffer.alloc(6))).toBe('pass');
    expect(watcher?.sent(Buffer.alloc(4))).toBe('pass');
    expect(watcher?.received(Buffer.alloc(1))).toBe('reset');
  }
  expect(faults.takeCut()).toBeNull();
  faults.cutAfter(10);
  faults.clear();
  expect(faults.takeCut()).toBeNull();
});
