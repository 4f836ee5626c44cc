/** The status page: asks the daemon every five seconds while somebody looks, and shows what it says. */
import type { StatusPageView } from '../shared/contracts/status-page.ts';
import { charts } from './charts.ts';
import { element, place, quoted } from './elements.ts';
import {
  AGENT_COLUMNS,
  agents,
  EVENT_COLUMNS,
  events,
  FILE_SYSTEM_COLUMNS,
  fileSystems,
  overview,
  UPDATE_COLUMNS,
  updates,
} from './sections.ts';

const EVERY_MS = 5000;
const ANSWER_MS = 10_000;

/** A table without rows says so, and is none. */
function fill(id: string, columns: readonly string[], rows: readonly HTMLElement[]): void {
  const section = place(id);
  const [table, head, body] = ['table', 'thead', 'tbody'].map((tag) => section.querySelector(tag));
  // on narrow screens they are laid out as a list, and stay a table for who hears them
  table?.setAttribute('role', 'table');
  for (const group of [head, body]) group?.setAttribute('role', 'rowgroup');
  const headings = columns.map((column) => element('th', { scope: 'col', role: 'columnheader' }, column));
  if (head?.childElementCount === 0) head.append(element('tr', { role: 'row' }, ...headings));
  body?.replaceChildren(...rows);
  table?.toggleAttribute('hidden', rows.length === 0);
  section.querySelector('.none')?.toggleAttribute('hidden', rows.length > 0);
}

function show(view: StatusPageView): void {
  const { status, metrics } = view;
  document.title = `${status.hostName}: status`;
  place('host').replaceChildren(quoted(status.hostName));
  place('node').replaceChildren('node ', quoted(status.nodeId), `, pid ${status.pid}`);
  place('facts').replaceChildren(...overview(view));
  place('charts').replaceChildren(...charts(view));
  place('collector-errors').replaceChildren(...metrics.errors.map((error) => element('li', {}, '▲ ', quoted(error))));
  fill('file-systems', FILE_SYSTEM_COLUMNS, fileSystems(view));
  fill('agents', AGENT_COLUMNS, agents(view));
  fill('updates', UPDATE_COLUMNS, updates(view));
  place('updates').toggleAttribute('hidden', view.updates.length === 0);
  fill('events', EVENT_COLUMNS, events(view));
  place('content').removeAttribute('hidden');
}

/** Told to who listens to the page, too: so only when it changes. */
function tell(state: string, words: string): void {
  const line = place('freshness');
  document.body.dataset['state'] = state;
  if (line.textContent !== words) line.textContent = words;
}

let lastAnswer = '';

async function ask(): Promise<void> {
  try {
    const response = await fetch('/api/status', { cache: 'no-store', signal: AbortSignal.timeout(ANSWER_MS) });
    if (!response.ok) throw new Error((await response.text()).trim() || `status ${response.status}`);
    const view = (await response.json()) as StatusPageView;
    lastAnswer = new Date().toLocaleTimeString();
    // what somebody has marked, to copy it, stays until they let go
    if (document.getSelection()?.isCollapsed !== false) show(view);
    tell('live', '● live');
  } catch (error) {
    const since = lastAnswer === '' ? '' : `; shown is what it said at ${lastAnswer}`;
    tell('lost', `▲ the daemon does not answer (${error instanceof Error ? error.message : error})${since}`);
  }
}

/** The next time: after a while, or once the page is looked at again. */
function due(): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden) return;
      document.removeEventListener('visibilitychange', look);
      resolve();
    };
    setTimeout(() => {
      document.addEventListener('visibilitychange', look);
      look();
    }, EVERY_MS);
  });
}

async function run(): Promise<never> {
  for (;;) {
    await ask();
    await due();
  }
}

void run();
