import { expect, test } from 'vitest';
import { stressNotRun } from '../../../bench/benchmarks/stress-figures.ts';
import { notRunIn, type RanReport, renderReport } from '../../../bench/report.ts';

const ran: RanReport = {
  ...{ name: 'idle', title: 'at rest', notes: ['A note.'], verdicts: [], figures: {}, node: '24.1.0', elapsedMs: 1 },
  table: { columns: [{ title: 'figure', align: 'left' }], rows: [['RSS']] },
};

test('a table with its notes', () => {
  expect(renderReport(ran)).toBe('idle: at rest; Node 24.1.0\n\n  figure\n  RSS\n\n  A note.\n');
  expect(notRunIn([ran])).toEqual([]);
});

test('what could not be run here is told with its reason, and looks like no success', () => {
  const stress: RanReport = { ...stressNotRun('no addon, and no koffi'), node: '24.1.0', elapsedMs: 1 };
  expect(renderReport(stress)).toBe(
    'stress: pages given back each 5 ms under full load; Node 24.1.0\n\n' +
      '  NOT RUN: no pages can be given back here: no addon, and no koffi\n',
  );
  expect(notRunIn([ran, stress])).toEqual([
    'stress, Node 24.1.0, could not be run: no pages can be given back here: no addon, and no koffi',
  ]);
});
