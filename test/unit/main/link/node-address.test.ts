import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { firstAddress, nodeAddress } from '../../../../src/main/link/node-address.ts';

const FACTS = { advertiseAddress: '', localAddress: '10.0.0.5', managerHost: 'manager.example', interfaceAddress: '' };
const OTHER = { interfaceAddress: '192.0.2.7' };

test.each([
  ['the connection’s own end', {}, '10.0.0.5'],
  ['it wins over another interface', OTHER, '10.0.0.5'],
  ['the configured one wins', { advertiseAddress: 'host.example', ...OTHER }, 'host.example'],
  ['the configured one wins over loopback', { advertiseAddress: '192.0.2.9', localAddress: '127.0.0.1' }, '192.0.2.9'],
  ['IPv4 in IPv6 is written as IPv4', { localAddress: '::ffff:10.1.2.3' }, '10.1.2.3'],
  ['whatever its case', { localAddress: '::FFFF:10.1.2.3' }, '10.1.2.3'],
  ['a zone is cut', { localAddress: 'fe80::1%eth0' }, 'fe80::1'],
  ['IPv6 stays', { localAddress: '2001:db8::1' }, '2001:db8::1'],
  ['behind a proxy on this host, an interface', { localAddress: '127.0.0.1', ...OTHER }, '192.0.2.7'],
  ['behind a proxy on ::1 too', { localAddress: '::1', ...OTHER }, '192.0.2.7'],
  ['behind one in IPv6 clothes too', { localAddress: '::ffff:127.0.0.1', ...OTHER }, '192.0.2.7'],
  ['loopback where there is nothing else', { localAddress: '127.0.0.1' }, '127.0.0.1'],
  ['a Manager on 127.0.0.1', { localAddress: '127.0.0.1', managerHost: '127.0.0.1', ...OTHER }, '127.0.0.1'],
  ['a Manager on localhost', { localAddress: '::1', managerHost: 'localhost', ...OTHER }, '::1'],
  ['nothing is known of the connection', { localAddress: '', ...OTHER }, '192.0.2.7'],
  ['nothing is known of it from a local Manager', { localAddress: '', managerHost: '::1', ...OTHER }, '192.0.2.7'],
  ['nothing is known at all', { localAddress: '' }, ''],
])('%s', (_, facts, expected) => {
  expect(nodeAddress({ ...FACTS, ...facts })).toBe(expected);
});

const MAC = { netmask: '', mac: '', cidr: null };
const v4 = (address: string, internal = false) => ({ ...MAC, address, internal, family: 'IPv4' as const });
const v6 = (address: string) => ({ ...MAC, address, internal: false, family: 'IPv6' as const, scopeid: 0 });

test.each([
  [{}, ''],
  [{ lo: [v4('127.0.0.1', true)], gone: undefined }, ''],
  [{ lo: [v4('127.0.0.1', true)], eth0: [v4('192.0.2.1')], eth1: [v4('192.0.2.2')] }, '192.0.2.1'],
  [{ eth0: [v6('2001:db8::1')], eth1: [v4('192.0.2.2')] }, '192.0.2.2'],
  [{ eth0: [v6('fe80::1'), v6('2001:db8::1')], eth1: [v4('169.254.1.1')] }, '2001:db8::1'],
])('%j', (interfaces, expected) => {
  expect(firstAddress(interfaces)).toBe(expected);
});

test('on this host', () => {
  expect(firstAddress(networkInterfaces())).toEqual(expect.any(String));
});
