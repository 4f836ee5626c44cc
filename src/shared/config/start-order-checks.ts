/** Whether the order that agents' `after` asks for can be had: every id is known, and nobody waits for itself. */
import { agentPath, type Findings } from './findings.ts';
import { shown } from './formats.ts';
import { nearest } from './nearest-key.ts';
import type { AgentConfig } from './schema.ts';

/** Names of a circle that a message shows. */
const MAX_SHOWN = 20;

/** One `after` of one agent. */
interface Wish {
  from: string;
  to: string;
  keyPath: string;
  offset: number | null;
}

export function checkStartOrder(agents: readonly AgentConfig[], findings: Findings): void {
  const ids = new Set(agents.map(({ id }) => id));
  // with an id missing nobody can say whether the one that is named is that
  const allNamed = !ids.has('');
  const wishes = agents.flatMap((agent, i) => wishesOf(agent, `${agentPath(findings.places, i)}.after`, findings));
  const known: Wish[] = [];
  for (const wish of wishes) {
    const { from, to, keyPath, offset } = wish;
    if (to === from) findings.add({ keyPath, offset, message: `${shown(to)} is this agent itself`, hint: 'remove it' });
    else if (ids.has(to)) known.push(wish);
    else if (allNamed) {
      const near = nearest(
        to,
        [...ids].filter((id) => id !== from),
      );
      const hint = near === null ? 'it must be the id of another agent in this file' : `did you mean \`${near}\`?`;
      findings.add({ keyPath, offset, message: `there is no agent ${shown(to)}`, hint });
    }
  }
  for (const circle of circles(known)) report(circle, findings);
}

/** None where an item is wrong by itself: the rest would be counted wrongly. */
function wishesOf({ id, after }: AgentConfig, path: string, findings: Findings): Wish[] {
  const paths = after.map((_, i) => `${path}[${i}]`);
  const given = [...findings.places.offsets.keys()].filter((key) => key.startsWith(`${path}[`));
  if (id === '' || !findings.sound(path, ...given)) return [];
  return after.map((to, i) => {
    const keyPath = paths[i] ?? path;
    return { from: id, to, keyPath, offset: findings.places.offsets.get(keyPath) ?? null };
  });
}

function report(circle: readonly Wish[], findings: Findings): void {
  const [first] = circle;
  if (first === undefined) return;
  const { keyPath, offset } = first;
  const names = circle.map(({ from }) => from);
  const left = names.length - MAX_SHOWN;
  const cut = left > 0 ? [...names.slice(0, MAX_SHOWN), `${left} more`] : names;
  const message = `no agent of this circle could ever start: ${shownPath([...cut, first.from])}`;
  const lines = circle.slice(0, MAX_SHOWN).map(({ to, offset: at }) => {
    return `\`${to}\`${at === null ? '' : ` on line ${findings.places.lines.linePos(at).line}`}`;
  });
  findings.add({ keyPath, offset, message, hint: `remove one: ${lines.join(', ')}` });
}

function shownPath(names: readonly string[]): string {
  return `\`${names.join(' → ')}\``;
}

/**
 * The circles among the wishes, each as the wishes that make it, beginning with the agent that comes first in the
 * file. One for each wish that leads back to where the search came from: without those no circle would be left.
 */
function circles(wishes: readonly Wish[]): Wish[][] {
  const from = new Map<string, Wish[]>();
  for (const wish of wishes) from.set(wish.from, [...(from.get(wish.from) ?? []), wish]);
  const done = new Set<string>();
  const found: Wish[][] = [];
  for (const start of from.keys()) {
    // an explicit stack: a chain of agents may be longer than the call stack
    const path: { id: string; wish: Wish | null; left: Wish[] }[] = [];
    const enter = (id: string, wish: Wish | null) => path.push({ id, wish, left: [...(from.get(id) ?? [])] });
    if (!done.has(start)) enter(start, null);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const wish = top.left.shift();
      if (wish === undefined) {
        done.add(top.id);
        path.pop();
        continue;
      }
      const at = path.findIndex(({ id }) => id === wish.to);
      if (at >= 0) found.push([...path.slice(at + 1).flatMap((step) => step.wish ?? []), wish]);
      else if (!done.has(wish.to)) enter(wish.to, wish);
    }
  }
  return found;
}
