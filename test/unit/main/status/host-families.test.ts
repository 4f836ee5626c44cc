import { describe, expect, test } from 'vitest';
import { renderFamilies } from '../../../../src/main/status/exposition.ts';
import { hostFamilies } from '../../../../src/main/status/host-families.ts';
import type { MetricValues } from '../../../../src/shared/contracts/metrics.ts';

const lines = (collector: string, values: MetricValues): string[] =>
  renderFamilies(hostFamilies([{ collector, timestampMs: 0, durationMs: 0, values }]))
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

describe('hostFamilies', () => {
  test('seconds of all CPUs have a name of their own, since node_exporter counts each by itself', () => {
    const got = lines('cpu', { user: 1.5, idle: 9, usage_percent: 3, cores: 4, load1: 0.25, model: 'x' });
    expect(got).toEqual([
      'daemon_host_cpu_seconds_total{mode="user"} 1.5',
      'daemon_host_cpu_seconds_total{mode="idle"} 9',
      'daemon_host_cpus 4',
      'node_load1 0.25',
    ]);
  });

  test('memory: what means the same; the cache is counted otherwise and left out', () => {
    expect(lines('memory', { total: 8, free: 1, available: 5, used: 3, cached: 2, buffers: 0, swap_total: 4 })).toEqual(
      [
        'node_memory_MemTotal_bytes 8',
        'node_memory_MemFree_bytes 1',
        'node_memory_MemAvailable_bytes 5',
        'node_memory_Buffers_bytes 0',
        'node_memory_SwapTotal_bytes 4',
      ],
    );
  });

  test('a file system: free to root too, and free to all; one that is silent has no figures', () => {
    const place = (mountpoint: string) => ({ mountpoint, device: '/dev/a', fstype: 'ext4' });
    const got = lines('disk', {
      disks: [
        {
          ...place('/'),
          responding: 1,
          total: 100,
          used: 60,
          free: 35,
          used_percent: 63,
          read_bytes: 7,
          write_bytes: 8,
        },
        { ...place('/n'), responding: 0 },
      ],
    });
    const root = '{device="/dev/a",mountpoint="/",fstype="ext4"}';
    expect(got).toEqual([
      `node_filesystem_size_bytes${root} 100`,
      `node_filesystem_free_bytes${root} 40`,
      `node_filesystem_avail_bytes${root} 35`,
      `node_filesystem_device_error${root} 0`,
      'node_filesystem_device_error{device="/dev/a",mountpoint="/n",fstype="ext4"} 1',
      `daemon_host_filesystem_read_bytes_total${root} 7`,
      `daemon_host_filesystem_written_bytes_total${root} 8`,
    ]);
  });

  test('network counters by device', () => {
    const got = lines('network', {
      interfaces: [{ interface: 'eth0', bytes_recv: 5, dropin: 2, rx_bytes: 1, errout: 3 }],
    });
    expect(got).toEqual([
      'node_network_receive_bytes_total{device="eth0"} 5',
      'node_network_receive_drop_total{device="eth0"} 2',
      'node_network_transmit_errs_total{device="eth0"} 3',
    ]);
  });

  test('nothing that was not collected', () => {
    expect(renderFamilies(hostFamilies([]))).toBe('');
    expect(lines('disk', { disks: 'none' })).toEqual([]);
  });
});
