import { describe, expect, test } from 'vitest';
import {
  alertOf,
  clearAlerts,
  figuresOf,
  NEVER_OVER,
  overText,
  type ThresholdMemory,
} from '../../../../src/main/agents/resource-thresholds.ts';

const LIMITS = { cpuThresholdPercent: 50, memoryThresholdBytes: 500 * 1024 * 1024, thresholdDurationMs: 60_000 };

describe('figuresOf', () => {
  test.each<[string, [number | null, string | null, number | null][]]>([
    ['at the threshold is not over', [[50, null, null]]],
    [
      'raises once, and counts while over',
      [
        [51, 'raised', 0],
        [90, null, 10],
        [51, null, 20],
      ],
    ],
    [
      'clears below 90 % only, and raises anew after that',
      [
        [60, 'raised', 0],
        [49, null, null],
        [45, null, null],
        [44.9, 'cleared', null],
        [44, null, null],
        [51, 'raised', 0],
      ],
    ],
    [
      'a check between 90 and 100 % is a break',
      [
        [60, 'raised', 0],
        [50, null, null],
        [60, null, 0],
        [60, null, 10],
      ],
    ],
    [
      'so is one that knows nothing, which takes no alert back',
      [
        [60, 'raised', 0],
        [null, null, null],
        [60, null, 0],
        [40, 'cleared', null],
      ],
    ],
    ['the first look knows no CPU share', [[null, null, null]]],
  ])('%s', (_, steps) => {
    let memory: ThresholdMemory = NEVER_OVER;
    const seen = steps.map(([cpuPercent], step) => {
      const figures = figuresOf(memory, { cpuPercent, rssBytes: 0 }, LIMITS, 7000 + step * 10);
      memory = { cpu: figures.cpu.memory, memory: figures.memory.memory };
      expect(figures.memory).toMatchObject({ alert: null, overMs: null });
      return [cpuPercent, figures.cpu.alert, figures.cpu.overMs];
    });
    expect(seen).toEqual(steps);
  });

  test('each figure counts by itself', () => {
    const first = figuresOf(NEVER_OVER, { cpuPercent: 60, rssBytes: 0 }, LIMITS, 0);
    const before = { cpu: first.cpu.memory, memory: first.memory.memory };
    const { cpu, memory } = figuresOf(before, { cpuPercent: 10, rssBytes: 6e8 }, LIMITS, 100);
    expect([cpu.alert, cpu.overMs, memory.alert, memory.overMs]).toEqual(['cleared', null, 'raised', 0]);
  });

  test('0 switches a threshold off, and takes an alert back', () => {
    const off = { ...LIMITS, cpuThresholdPercent: 0 };
    expect(figuresOf(NEVER_OVER, { cpuPercent: 900, rssBytes: 0 }, off, 0).cpu).toMatchObject({
      alert: null,
      overMs: null,
    });
    const raised = { ...NEVER_OVER, cpu: { raised: true, overSinceMs: 0 } };
    expect(figuresOf(raised, { cpuPercent: 900, rssBytes: 0 }, off, 10).cpu).toMatchObject({
      alert: 'cleared',
      memory: { raised: false, overSinceMs: null },
    });
  });
});

test('an alert says what, how much, and when', () => {
  const { memory, cpu } = figuresOf(NEVER_OVER, { cpuPercent: 1, rssBytes: 600_000_000 }, LIMITS, 5);
  expect(alertOf(cpu, 'a', 99)).toEqual([]);
  expect(alertOf(memory, 'a', 99)).toEqual([
    {
      agentId: 'a',
      type: 'memory',
      currentValue: 600_000_000,
      threshold: 524_288_000,
      timestampMs: 99,
      state: 'raised',
    },
  ]);
});

test('clearAlerts takes back what was raised and nothing else', () => {
  expect(clearAlerts(NEVER_OVER, 'a', LIMITS, 99)).toEqual([]);
  const raised = { ...NEVER_OVER, cpu: { raised: true, overSinceMs: null } };
  expect(clearAlerts(raised, 'a', LIMITS, 99)).toEqual([
    { agentId: 'a', type: 'cpu', currentValue: 0, threshold: 50, timestampMs: 99, state: 'cleared' },
  ]);
});

test.each([
  ['cpu', 87.26, 50, 0, '87.3 % CPU, over 50 % CPU'],
  ['cpu', 87.26, 50, 62_400, '87.3 % CPU, over 50 % CPU for 62 s'],
  ['memory', 641_728_512, 524_288_000, 60_000, '612 MiB of memory, over 500 MiB of memory for 60 s'],
  ['memory', 100, 524_288_000, null, ''],
] as const)('in words: %s %d', (type, value, threshold, overMs, text) => {
  expect(overText({ type, value, threshold, overMs, alert: null, memory: NEVER_OVER.cpu })).toBe(text);
});
