import { describe, expect, test } from 'vitest';
import { History } from '../../../../src/main/status/history.ts';
import type { MetricValues } from '../../../../src/shared/contracts/metrics.ts';

const NOW = 1_700_000_010_000 - (1_700_000_010_000 % 15_000);
const sample = (collector: string, timestampMs: number, values: MetricValues) => ({
  collector,
  timestampMs,
  durationMs: 1,
  values,
});
const cpu = (atMs: number, usage: number) => sample('cpu', atMs, { usage_percent: usage });

describe('History', () => {
  test('keeps an hour and no more, in memory that does not grow', () => {
    const history = new History();
    const before = history.bytes;
    for (let at = NOW - 7_200_000; at <= NOW; at += 1000) history.add(cpu(at, at === NOW ? 50 : 10));
    const { points } = history.view(NOW).cpu;
    expect(points).toHaveLength(240);
    expect(points[0]?.[0]).toBeGreaterThanOrEqual(NOW - 3_600_000);
    expect(points.at(-1)).toEqual([NOW, 50]);
    expect(history.bytes).toBe(before);
    expect(history.bytes).toBeLessThan(30_000);
  });

  test('samples of one quarter of a minute become their mean; a figure that is missing is no zero', () => {
    const history = new History();
    for (const [offset, usage] of [
      [0, 10],
      [5000, 20],
      [14_000, 60],
    ] as const)
      history.add(cpu(NOW + offset, usage));
    expect(history.view(NOW + 14_000).cpu.points).toEqual([[NOW + 14_000, 30]]);
    const rates = (read: number) => ({ read_bytes_per_second: read, write_bytes_per_second: 2 });
    const disk = (at: number, row: object) => history.add(sample('disk', at, { disks: [{ device: 'd', ...row }] }));
    disk(NOW, { used_percent: 50 });
    disk(NOW + 1, { used_percent: 60, ...rates(4) });
    disk(NOW + 2, { used_percent: 70 });
    expect(history.view(NOW).disk.points).toEqual([[NOW + 2, 60, 4, 2]]);
  });

  test('a clock that is set back begins the curve anew; one that jumps forth leaves the hour behind', () => {
    const history = new History();
    history.add(cpu(NOW, 10));
    history.add(cpu(NOW - 600_000, 20));
    expect(history.view(NOW - 600_000).cpu.points).toEqual([[NOW - 600_000, 20]]);
    history.add(cpu(NOW + 7_200_000, 30));
    expect(history.view(NOW + 7_200_000).cpu.points).toEqual([[NOW + 7_200_000, 30]]);
  });

  test('adds up interfaces, counts a device once, and shows the fullest file system', () => {
    const history = new History();
    const row = (device: string, used: number) => ({
      device,
      used_percent: used,
      read_bytes_per_second: 5,
      write_bytes_per_second: 7,
    });
    history.add(
      sample('disk', NOW, { disks: [row('a', 10), row('a', 90), row('b', 20), { device: 'c', responding: 0 }] }),
    );
    history.add(
      sample('network', NOW, {
        interfaces: [
          { bytes_recv_per_second: 1, bytes_sent_per_second: 2 },
          { interface: 'new' },
          { bytes_recv_per_second: 3 },
        ],
      }),
    );
    const { disk, network } = history.view(NOW);
    expect([disk.names, disk.points]).toEqual([['used', 'read', 'written'], [[NOW, 90, 10, 14]]]);
    expect([network.names, network.points]).toEqual([['received', 'sent'], [[NOW, 4, 2]]]);
  });

  test('passes over what has no figures, and collectors that it does not know', () => {
    const history = new History();
    for (const values of [{}, { usage_percent: 'much' }, { disks: 3 }]) {
      for (const collector of ['cpu', 'memory', 'disk', 'network', 'toString', '__proto__', 'queue']) {
        history.add(sample(collector, NOW, values));
      }
    }
    expect(Object.values(history.view(NOW)).flatMap(({ points }) => points)).toEqual([]);
  });
});
