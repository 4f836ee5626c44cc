import { expect, test } from 'vitest';
import { conditions, orderOf, parseMeasureLine } from '../../../../bench/inside/order.ts';

test('the line with the figures is told from others', () => {
  const line = { event: 'measured', node: '24.1.0', pagesKept: '', figures: [] };
  expect(parseMeasureLine(JSON.stringify(line))).toEqual(line);
  expect(parseMeasureLine('{"event":"stress","figures":[]}')).toBeNull();
  expect(parseMeasureLine('Segmentation fault')).toBeNull();
});

test('one that was cut off is no figure', () => {
  expect(() => parseMeasureLine('{"event":"measured","node":"24')).toThrow(SyntaxError);
});

test.each([undefined, '', '{"kind":'])('without a whole order there is nothing to measure: %j', (text) => {
  expect(() => orderOf(text)).toThrow();
});

test('the notes say where a measurement had not what the daemon has', () => {
  const asShipped = conditions('', { settleMs: 1, speedUp: 1 });
  expect(asShipped).toHaveLength(1);
  expect(conditions('no addon', { settleMs: 1, speedUp: 1 })).toEqual([
    ...asShipped,
    'NO PAGES were given back meanwhile: no addon.',
  ]);
  expect(conditions('', { settleMs: 1, speedUp: 10 }).at(-1)).toContain('after a 10th of the time');
});
