import { expect, test } from 'vitest';
import { parsePressure } from '../../../../src/workers/collect/pressure.ts';

test.each<[string, string, Record<string, number>]>([
  ['nothing', '', {}],
  ['irq has no `some`', 'full avg10=0.10 avg60=0.20 avg300=0 total=1\n', { full_avg10: 0.1, full_avg60: 0.2 }],
  ['a torn line', 'some avg10=0.10 avg6', { some_avg10: 0.1 }],
  ['no numbers', 'some avg10=x avg60=\n', {}],
])('%s', (_, text, expected) => {
  const named = Object.entries(expected).map(([key, value]) => [`pressure_irq_${key}`, value]);
  expect(parsePressure('irq', text)).toEqual(Object.fromEntries(named));
});
