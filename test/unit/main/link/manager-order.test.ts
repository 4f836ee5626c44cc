import { expect, test } from 'vitest';
import { managerOrder } from '../../../../src/main/link/manager-order.ts';

const MANAGERS = ['a:1', 'b:1', 'c:1'];

test('a node has one order, whatever the order in the file', () => {
  expect(managerOrder(MANAGERS, 'node-1')).toEqual(managerOrder([...MANAGERS].reverse(), 'node-1'));
  expect([...managerOrder(MANAGERS, 'node-1')].sort()).toEqual(MANAGERS);
});

test('a fleet spreads evenly over them', () => {
  const first = new Map<string | undefined, number>();
  for (let n = 0; n < 3000; n++) {
    const [address] = managerOrder(MANAGERS, `0f8b6c1e-7d3a-4b52-9c${n}`);
    first.set(address, (first.get(address) ?? 0) + 1);
  }
  for (const address of MANAGERS) expect(first.get(address)).toBeGreaterThan(800);
});

test('the one that served last is tried first', () => {
  for (const last of MANAGERS) expect(managerOrder(MANAGERS, 'node-1', last)[0]).toBe(last);
  expect(managerOrder(MANAGERS, 'node-1', 'gone:1')).toEqual(managerOrder(MANAGERS, 'node-1'));
});
