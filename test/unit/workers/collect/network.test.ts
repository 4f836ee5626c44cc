import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { hostContext } from '../../../../src/workers/collect/context.ts';
import { collectNetwork, interfaceValues, parseNetDev } from '../../../../src/workers/collect/network.ts';
import { fixtureContext, rowsBy, task, valuesOf } from './support.ts';

function twoReadings(named: string[] = [], intervalMs = 10_000) {
  const more = { interfaces: named };
  const first = collectNetwork(task('network', null, more), fixtureContext('network-plain/before', 5000));
  const state = structuredClone(first.state);
  return collectNetwork(task('network', state, more), fixtureContext('network-plain/after', 5000 + intervalMs));
}

test('the first run only takes the counters', () => {
  const first = collectNetwork(task('network'), fixtureContext('network-plain/before'));
  expect(first.values).toBeNull();
  expect(first.state).toMatchObject({ interfaces: { eth0: { index: '2', counts: { bytes_recv: 1_000_000n } } } });
});

test('counters since boot, rates and bytes of the interval', () => {
  const outcome = twoReadings();
  expect(valuesOf(outcome)['interval_seconds']).toBe(10);
  expect(rowsBy(outcome, 'interfaces', 'interface')['eth0']).toEqual({
    interface: 'eth0',
    bytes_recv: 1_200_000,
    bytes_recv_per_second: 20_000,
    rx_bytes: 200_000,
    packets_recv: 2100,
    packets_recv_per_second: 10,
    errin: 2,
    errin_per_second: 0.1,
    dropin: 6,
    dropin_per_second: 0.4,
    bytes_sent: 540_000,
    bytes_sent_per_second: 4000,
    tx_bytes: 40_000,
    packets_sent: 1050,
    packets_sent_per_second: 5,
    errout: 3,
    errout_per_second: 0,
    dropout: 5,
    dropout_per_second: 0.1,
  });
});

test.each<[string, string, Record<string, number>]>([
  ['a 32-bit wrap', 'wlan0', { rx_bytes: 1000, packets_sent_per_second: 1, tx_bytes: 200 }],
  ['made anew under its name: counted from zero', 'veth1', { rx_bytes: 400_000, tx_bytes: 200_000, packets_recv: 400 }],
  ['counters beyond 2^53', 'eth9', { rx_bytes: 17, tx_bytes: 1 }],
])('%s', (_, name, expected) => {
  expect(rowsBy(twoReadings(), 'interfaces', 'interface')[name]).toMatchObject(expected);
});

test('a new interface has its counters and no rates', () => {
  const row = rowsBy(twoReadings(), 'interfaces', 'interface')['veth2'] ?? {};
  expect(row['bytes_recv']).toBe(7000);
  expect(Object.keys(row).filter((key) => key.endsWith('_per_second') || key === 'rx_bytes')).toEqual([]);
});

test('loopback only where it is named', () => {
  expect(Object.keys(rowsBy(twoReadings(), 'interfaces', 'interface'))).not.toContain('lo');
  const named = twoReadings(['lo']);
  expect(rowsBy(named, 'interfaces', 'interface')).toMatchObject({ lo: { rx_bytes: 4000 } });
  expect(named.problem).toBeNull();
});

test('a named interface that is missing is an error beside the sample', () => {
  const outcome = twoReadings(['eth0', 'eth7']);
  expect(Object.keys(rowsBy(outcome, 'interfaces', 'interface'))).toEqual(['eth0']);
  expect(outcome.problem).toMatchObject({ code: 'D5001', message: 'no such interface: eth7' });
});

test('no rates where no time has passed', () => {
  const outcome = twoReadings([], 0);
  expect(valuesOf(outcome)).not.toHaveProperty('interval_seconds');
  expect(rowsBy(outcome, 'interfaces', 'interface')['eth0']).not.toHaveProperty('rx_bytes');
});

test('a reset without a new index counts from zero', () => {
  const at = (count: bigint) => ({ index: '2', counts: { bytes_recv: count } });
  expect(interfaceValues(at(50n), at(5000n), 1000)).toEqual({
    bytes_recv: 50,
    bytes_recv_per_second: 50,
    rx_bytes: 50,
  });
});

test.each<[string, unknown]>([
  ['another version', { kind: 'network/0', atMs: 1, interfaces: {} }],
  ['counts that are none', { kind: 'network/1', atMs: 1, interfaces: { eth0: { index: '2', counts: { x: 1 } } } }],
  ['no object', 'text'],
])('a state of %s counts as none', (_, state) => {
  expect(collectNetwork(task('network', state), fixtureContext('network-plain/after')).values).toBeNull();
});

test('torn and absent files', () => {
  const torn = collectNetwork(task('network'), fixtureContext('network-torn'));
  expect(torn.state).toMatchObject({ interfaces: { eth0: { index: null, counts: { dropout: 12n } } } });
  expect(torn.state).not.toHaveProperty('interfaces.eth1');
  expect(() => collectNetwork(task('network'), fixtureContext('memory-plain'))).toThrow(
    expect.objectContaining({ code: 'D5001' }),
  );
});

test('a name with a colon, numbers that touch it', () => {
  const parsed = parseNetDev('eth0:1:77 1 0 0 0 0 0 0 88 2 0 0 0 0 0 0\n');
  expect(parsed.get('eth0:1')).toMatchObject({ bytes_recv: 77n, bytes_sent: 88n });
});

test('on this host: the counters that /sys has', (context) => {
  const first = collectNetwork(task('network', null, { interfaces: ['lo'] }), hostContext());
  if (process.platform !== 'linux') return context.skip('not Linux');
  const outcome = collectNetwork(task('network', first.state, { interfaces: ['lo'] }), hostContext());
  const later = Number(readFileSync('/sys/class/net/lo/statistics/rx_bytes', 'utf8'));
  const ours = Number(rowsBy(outcome, 'interfaces', 'interface')['lo']?.['bytes_recv']);
  expect(ours).toBeLessThanOrEqual(later);
  expect(later - ours).toBeLessThan(1e9);
});
