/**
 * Which address of this host is registered: the one that the Manager is to call it at (design document 4.2). Pure. The
 * best that a host knows of itself; what NAT makes of it only `daemon.advertise_address` can say.
 */
import type { NetworkInterfaceInfo } from 'node:os';

export interface AddressFacts {
  /** `daemon.advertise_address`; wins over everything, empty where it is not set. */
  advertiseAddress: string;
  /** This host's own end of the connection to the Manager: the one that routes there. May be empty. */
  localAddress: string;
  /** Of the Manager that was dialled, without its port. */
  managerHost: string;
  /** The first address of another interface than loopback; empty where there is none. See `firstAddress`. */
  interfaceAddress: string;
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/i;

/** An IPv4 address that came in IPv6 clothes is written as IPv4; a zone means something on this host only. */
function plain(address: string): string {
  const unzoned = address.replace(/%.*$/, '');
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(unzoned)?.[1] ?? unzoned;
}

/**
 * The connection's own end. Where that is loopback although the Manager is elsewhere, a proxy on this host stands in
 * between, and the address of an interface is the better guess. A Manager on loopback itself is on this host and
 * reaches it there, so loopback is then kept.
 */
export function nodeAddress({ advertiseAddress, localAddress, managerHost, interfaceAddress }: AddressFacts): string {
  if (advertiseAddress !== '') return advertiseAddress;
  const own = plain(localAddress);
  const other = plain(interfaceAddress);
  const usable = own !== '' && (!LOOPBACK.test(own) || LOOPBACK.test(plain(managerHost)));
  return usable || other === '' ? own : other;
}

/** Of `os.networkInterfaces()`: IPv4 before IPv6, addresses that hold on one link only not at all; empty for none. */
export function firstAddress(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string {
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  const outward = all.filter(({ internal, address }) => !internal && !/^(169\.254\.|fe[89ab][0-9a-f]:)/i.test(address));
  return (outward.find(({ family }) => family === 'IPv4') ?? outward[0])?.address ?? '';
}
