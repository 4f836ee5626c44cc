/** What an update is of. Pure. */
/** `target`: `daemon`, or an agent's id. */
export function targetOf(target: string): { component: 'daemon' | 'agent'; agentId: string } {
  return target === 'daemon' ? { component: 'daemon', agentId: '' } : { component: 'agent', agentId: target };
}
