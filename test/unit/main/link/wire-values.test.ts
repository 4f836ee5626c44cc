import { describe, expect, test } from 'vitest';
import { toWireMetric } from '../../../../src/main/link/wire-values.ts';
import type { MetricValues, Sample } from '../../../../src/shared/contracts/metrics.ts';

function sample(collector: string, values: MetricValues, timestampMs = 1_700_000_000_999): Sample {
  return { collector, timestampMs, durationMs: 1, values };
}

function wire(collector: string, values: MetricValues): Record<string, number> {
  return Object.fromEntries(toWireMetric(sample(collector, values))?.values ?? []);
}

describe('toWireMetric', () => {
  test('type and whole seconds', () => {
    expect(toWireMetric(sample('cpu', { usage_percent: 5 }))).toEqual({
      type: 'cpu',
      timestamp: 1_700_000_000,
      values: new Map([['usage_percent', 5]]),
    });
  });

  test('cpu: numbers as they are, strings dropped', () => {
    const values = { usage_percent: 12.5, cores: 4, mhz: 2000, user: 1, idle: 2, model: 'X' };
    expect(wire('cpu', values)).toEqual({ usage_percent: 12.5, cores: 4, mhz: 2000, user: 1, idle: 2 });
  });

  test('memory: its own keys and those that are queried', () => {
    const values = { total: 100, used: 40, free: 10, available: 60, used_percent: 40, cached: 3, swap_total: 0 };
    expect(wire('memory', values)).toEqual({
      ...values,
      usage_percent: 40,
      total_bytes: 100,
      used_bytes: 40,
      free_bytes: 10,
      available_bytes: 60,
    });
  });

  test('disk: sums over mounts that answer, each device once, and every mount apart', () => {
    const disks = [
      {
        mountpoint: '/',
        device: '/dev/sda1',
        fstype: 'ext4',
        responding: 1,
        total: 100,
        used: 30,
        free: 50,
        read_bytes: 7,
      },
      {
        mountpoint: '/a',
        device: '/dev/sdb',
        fstype: 'btrfs',
        responding: 1,
        total: 40,
        used: 10,
        free: 30,
        read_bytes: 1,
      },
      {
        mountpoint: '/b',
        device: '/dev/sdb',
        fstype: 'btrfs',
        responding: 1,
        total: 40,
        used: 10,
        free: 30,
        read_bytes: 1,
      },
      { mountpoint: '/n', device: 'nas:/x', fstype: 'nfs4', responding: 1, total: 1000, used: 0, free: 80 },
      { mountpoint: '/dead', device: 'nas:/y', fstype: 'nfs4', responding: 0 },
    ];
    const values = wire('disk', { disks });
    expect(values).toMatchObject({
      total_bytes: 1140,
      used_bytes: 40,
      free_bytes: 160,
      usage_percent: 20,
      read_bytes: 8,
      partition_count: 4,
      '/.total': 100,
      '/b.read_bytes': 1,
      '/dead.responding': 0,
    });
    expect(values).not.toHaveProperty('write_bytes');
  });

  test('disk: no mounts, no share', () => {
    expect(wire('disk', { disks: [] })).toEqual({ partition_count: 0 });
  });

  test('network: sums over interfaces, the interval, every interface apart', () => {
    const counters = { bytes_recv: 10, bytes_sent: 20, packets_recv: 1, packets_sent: 2 };
    const troubles = { errin: 1, errout: 2, dropin: 3, dropout: 4 };
    const interfaces = [
      { interface: 'eth0', ...counters, ...troubles, rx_bytes: 5, tx_bytes: 6 },
      { interface: 'new0', ...counters, ...troubles },
    ];
    expect(wire('network', { interfaces, interval_seconds: 60 })).toMatchObject({
      rx_bytes: 5,
      tx_bytes: 6,
      bytes_recv: 20,
      bytes_sent: 40,
      packets_recv: 2,
      packets_sent: 4,
      error_in: 2,
      error_out: 4,
      drop_in: 6,
      drop_out: 8,
      interface_count: 2,
      interval_seconds: 60,
      'eth0.rx_bytes': 5,
      'new0.errin': 1,
    });
  });

  test('a plugin: scalars, and rows by their first string or their place', () => {
    const rows = [{ depth: 3, queue: 'mail', host: 'x' }, { depth: 4 }];
    expect(wire('queues', { total: 7, note: 'n', rows })).toEqual({ total: 7, 'mail.depth': 3, 'rows.1.depth': 4 });
  });

  test('what is not finite never leaves', () => {
    const disks = [{ mountpoint: '/', total: Number.NaN, used: Number.POSITIVE_INFINITY, free: 5 }];
    expect(wire('disk', { disks })).toEqual({ '/.free': 5, free_bytes: 5, usage_percent: 0, partition_count: 1 });
    expect(toWireMetric(sample('x', { a: Number.NaN, b: Number.NEGATIVE_INFINITY, c: 'text' }))).toBeNull();
  });

  test('a sum that is not finite is left out', () => {
    const interfaces = [1, 2].map((n) => ({ interface: `e${n}`, rx_bytes: Number.MAX_VALUE }));
    expect(wire('network', { interfaces })).not.toHaveProperty('rx_bytes');
  });

  test('nothing to say is null', () => {
    expect(toWireMetric(sample('x', {}))).toBeNull();
  });

  test('a type is never over 20 characters', () => {
    expect(toWireMetric(sample('a'.repeat(30), { a: 1 }))?.type).toHaveLength(20);
  });
});
