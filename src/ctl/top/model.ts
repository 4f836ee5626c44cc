/** The state of `top` and what keys make of it. Pure. */
import type { AgentAction, AgentView } from '../../shared/contracts/control.ts';

export const SORTS = { c: 'cpu', m: 'memory', n: 'name', p: 'pid' } as const;
export type Sort = (typeof SORTS)[keyof typeof SORTS];

export interface TopState {
  sort: Sort;
  /** Id of the agent that the cursor is on; one that has gone leaves it on the first. */
  selected: string;
  /** What is to be confirmed. */
  asking: { action: AgentAction; agentId: string } | null;
  /** What became of the last operation. */
  message: string;
}

export type Effect = { kind: 'none' } | { kind: 'quit' } | { kind: 'operate'; action: AgentAction; agentId: string };

export const START: TopState = { sort: 'cpu', selected: '', asking: null, message: '' };

const NONE: Effect = { kind: 'none' };
const ASKS: Record<string, AgentAction> = { r: 'restart', s: 'stop' };

const ORDERS: Record<Sort, (a: AgentView, b: AgentView) => number> = {
  cpu: (a, b) => (b.usage?.cpuPercent ?? -1) - (a.usage?.cpuPercent ?? -1),
  memory: (a, b) => (b.usage?.rssBytes ?? -1) - (a.usage?.rssBytes ?? -1),
  name: () => 0,
  // those that do not run come last
  pid: (a, b) => (a.pid || Number.POSITIVE_INFINITY) - (b.pid || Number.POSITIVE_INFINITY) || 0,
};

/** What is equal stands by its name, so that lines stay where they are. */
export function sorted(agents: readonly AgentView[], sort: Sort): AgentView[] {
  return agents.toSorted((a, b) => ORDERS[sort](a, b) || a.id.localeCompare(b.id));
}

/** `ids`: as they are shown. */
export function onKey(state: TopState, key: string, ids: readonly string[]): { state: TopState; effect: Effect } {
  if (key === 'ctrl-c') return { state, effect: { kind: 'quit' } };
  const { asking } = state;
  if (asking) {
    const answered = { ...state, asking: null };
    if (key === 'y') return { state: answered, effect: { kind: 'operate', ...asking } };
    return { state: { ...answered, message: `${asking.agentId} is left as it is` }, effect: NONE };
  }
  if (key === 'q') return { state, effect: { kind: 'quit' } };
  const sort = SORTS[key as keyof typeof SORTS];
  if (sort) return { state: { ...state, sort }, effect: NONE };
  const at = Math.max(0, ids.indexOf(state.selected));
  if (key === 'up' || key === 'k') return { state: select(state, ids[Math.max(0, at - 1)]), effect: NONE };
  if (key === 'down' || key === 'j')
    return { state: select(state, ids[Math.min(ids.length - 1, at + 1)]), effect: NONE };
  const agentId = ids[at];
  const action = ASKS[key];
  if (action && agentId !== undefined) {
    return { state: { ...select(state, agentId), asking: { action, agentId } }, effect: NONE };
  }
  return { state, effect: NONE };
}

function select(state: TopState, id: string | undefined): TopState {
  return id === undefined ? state : { ...state, selected: id, message: '' };
}
