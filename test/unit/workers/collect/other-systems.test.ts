import { expect, test } from 'vitest';
import {
  collectElsewhere,
  collectOtherCpu,
  cpuModel,
  otherHostFacts,
  type SystemInformation,
} from '../../../../src/workers/collect/other-systems.ts';
import { fixtureContext, rowsOf, task } from './support.ts';

function fake(rxBytes: number): () => Promise<SystemInformation> {
  const si: SystemInformation = {
    cpu: async () => ({ manufacturer: 'Maker', brand: 'Chip 1' }),
    mem: async () => ({
      total: 1000,
      free: 100,
      available: 400,
      buffers: 10,
      cached: 290,
      swaptotal: 200,
      swapused: 50,
      swapfree: 150,
    }),
    fsSize: async () => [
      { fs: '/dev/disk1', type: 'APFS', size: 1000, used: 300, available: 100, mount: '/' },
      { fs: '/dev/disk2', type: 'APFS', size: 500, used: 0, available: 500, mount: '/Volumes/B' },
    ],
    networkStats: async () =>
      ['en0', 'lo0'].map((iface) => ({
        iface,
        rx_bytes: rxBytes,
        tx_bytes: 7,
        rx_errors: 1,
        tx_errors: 2,
        rx_dropped: 3,
        tx_dropped: -1, // the system does not say
      })),
    osInfo: async () => ({ distro: 'Other OS', release: '14.1' }),
  };
  return async () => si;
}

test('cpu: shares of the interval from Node, in seconds since boot', () => {
  const at = (user: number, idle: number) => ({
    model: 'Chip',
    times: { user, nice: 0, sys: 0, idle, irq: 0 },
    speed: 0,
  });
  const first = collectOtherCpu(task('cpu'), fixtureContext('', 0), [at(1000, 9000), at(1000, 9000)], [1, 2, 3]);
  expect(first.values).toBeNull();
  const again = collectOtherCpu(
    task('cpu', first.state),
    fixtureContext('', 9),
    [at(2000, 9000), at(1000, 12_000)],
    [1, 2, 3],
  );
  expect(again.values).toMatchObject({ usage_percent: 25, user: 3, idle: 21, cores: 2, model: 'Chip', load15: 3 });
  expect(again.values).not.toHaveProperty('iowait_percent');
});

test('memory', async () => {
  const { values } = await collectElsewhere(task('memory'), fixtureContext(''), fake(0));
  expect(values).toEqual({
    total: 1000,
    available: 400,
    used: 600,
    used_percent: 60,
    free: 100,
    cached: 290,
    buffers: 10,
    swap_total: 200,
    swap_used: 50,
    swap_free: 150,
    swap_percent: 25,
  });
});

test('disk: the first run gives nothing, then sizes; what is not mounted is an error', async () => {
  const first = await collectElsewhere(task('disk'), fixtureContext(''), fake(0));
  expect(first.values).toBeNull();
  const named = { mountPoints: ['/', '/gone'] };
  const outcome = await collectElsewhere(task('disk', first.state, named), fixtureContext(''), fake(0));
  expect(rowsOf(outcome, 'disks')).toEqual([
    {
      mountpoint: '/',
      device: '/dev/disk1',
      fstype: 'APFS',
      responding: 1,
      total: 1000,
      used: 300,
      free: 100,
      used_percent: 75,
    },
  ]);
  expect(outcome.problem).toMatchObject({ code: 'D5001', message: 'configured and not mounted: /gone' });
});

test('network: what it says, no packets, loopback only where it is named', async () => {
  const first = await collectElsewhere(task('network'), fixtureContext('', 0), fake(1000));
  const outcome = await collectElsewhere(task('network', first.state), fixtureContext('', 2000), fake(5000));
  expect(rowsOf(outcome, 'interfaces')).toEqual([
    {
      interface: 'en0',
      bytes_recv: 5000,
      bytes_recv_per_second: 2000,
      rx_bytes: 4000,
      errin: 1,
      errin_per_second: 0,
      dropin: 3,
      dropin_per_second: 0,
      bytes_sent: 7,
      bytes_sent_per_second: 0,
      tx_bytes: 0,
      errout: 2,
      errout_per_second: 0,
    },
  ]);
  const named = { interfaces: ['lo0', 'en7'] };
  const missing = await collectElsewhere(task('network', first.state, named), fixtureContext('', 3000), fake(0));
  expect(rowsOf(missing, 'interfaces')).toMatchObject([{ interface: 'lo0' }]);
  expect(missing.problem?.message).toBe('no such interface: en7');
});

test('host facts and the model', async () => {
  expect(await otherHostFacts(fake(0))).toMatchObject({ os: 'Other OS 14.1', virtualization: '' });
  expect(await cpuModel(fake(0))).toBe('Maker Chip 1');
});

test('the real systeminformation loads and knows a CPU', async () => {
  expect(await cpuModel()).toEqual(expect.any(String));
});
