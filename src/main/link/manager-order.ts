/** The order in which a host tries several Managers. Pure: the same node always has the same order, a fleet spreads. */

/** FNV-1a, 32 bit: spreads well enough, and needs nothing loaded. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}

/** `last`: the one that served last, which comes first; empty: none has. */
export function managerOrder(addresses: readonly string[], nodeId: string, last = ''): string[] {
  const rank = (address: string): number => (address === last ? -1 : hash(`${nodeId} ${address}`));
  return [...addresses].sort((a, b) => rank(a) - rank(b));
}
