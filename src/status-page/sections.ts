/** What the page shows besides the charts: the link, file systems, agents, updates, events. */
import type { ShownAgent, StatusPageView } from '../shared/contracts/status-page.ts';
import { element, moment, quoted, row } from './elements.ts';
import { bytes, clipped, duration, NONE, percent } from './format.ts';

/** A mark stands before each word, so that no colour is needed to tell them apart. */
const MARKS: Record<string, [mark: string, tone: string]> = {
  running: ['●', 'good'],
  connected: ['●', 'good'],
  stopped: ['○', 'idle'],
  closed: ['○', 'idle'],
  failed: ['✕', 'bad'],
};

function badge(word: string): HTMLElement {
  const [mark, tone] = MARKS[word] ?? ['▲', 'busy'];
  return element('span', { class: `badge ${tone}` }, element('span', { 'aria-hidden': 'true' }, `${mark} `), word);
}

function fact(name: string, ...value: (Node | string)[]): HTMLElement {
  return element('div', {}, element('dt', {}, name), element('dd', {}, ...value));
}

export function overview({ status, link, updates, nowMs }: StatusPageView): HTMLElement[] {
  const { reports, certificate } = link;
  const counts = Object.entries(status.agents).filter(([, count]) => count > 0);
  const agents = counts.map(([state, count]) => `${count} ${state}`).join(', ');
  return [
    fact(
      'Manager',
      badge(link.state),
      ` for ${duration(nowMs - link.sinceMs)}`,
      ...(link.address ? [element('br', {}), quoted(link.address)] : []),
      ...(link.reason ? [element('br', {}), quoted(clipped(link.reason))] : []),
      ...(link.plaintext.length > 0 ? [element('br', {}), `▲ unencrypted: ${link.plaintext.join(', ')}`] : []),
    ),
    fact('Waiting for it', `${reports.waiting} reports (${bytes(reports.bytes)}), ${link.events} events`),
    fact('Agents', agents || 'none'),
    fact('Updates', updates.length === 0 ? 'none under way' : `${updates.length} under way`),
    fact(
      'Certificate',
      ...(certificate
        ? [
            `${certificate.daysLeft < 30 ? '▲ ' : ''}${certificate.daysLeft} days left`,
            ...(certificate.candidate ? [element('br', {}), quoted(clipped(certificate.candidate))] : []),
          ]
        : ['none']),
    ),
    fact('Daemon', `${status.version}, up ${duration(nowMs - status.startedMs)}, ${bytes(status.rssBytes)}`),
  ];
}

export const FILE_SYSTEM_COLUMNS = ['Mounted at', 'Used', 'Free', 'Size', 'Type'];

export function fileSystems({ metrics }: StatusPageView): HTMLElement[] {
  const disks = metrics.samples.find(({ collector }) => collector === 'disk')?.values['disks'];
  return (Array.isArray(disks) ? disks : []).map((disk) => {
    const number = (key: string): number | null => (typeof disk[key] === 'number' ? disk[key] : null);
    const used = number('used_percent');
    const gauge = element(
      'span',
      {},
      element('meter', { min: '0', max: '100', high: '90', value: String(used ?? 0), 'aria-hidden': 'true' }),
      ` ${percent(used)}`,
    );
    const silent = number('responding') === 0;
    return row(FILE_SYSTEM_COLUMNS, [
      quoted(clipped(String(disk['mountpoint'] ?? ''))),
      silent ? '▲ does not answer' : gauge,
      bytes(number('free')),
      bytes(number('total')),
      quoted(String(disk['fstype'] ?? '')),
    ]);
  });
}

export const AGENT_COLUMNS = ['Agent', 'State', 'Up', 'Restarts', 'CPU', 'Memory', 'Files', 'Health'];

export function agents({ agents: shown, nowMs }: StatusPageView): HTMLElement[] {
  return shown.map((agent) => {
    const { usage } = agent;
    return row(AGENT_COLUMNS, [
      title(agent),
      badge(agent.status),
      agent.startedAtMs > 0 ? duration(nowMs - agent.startedAtMs) : NONE,
      String(agent.restarts),
      percent(usage?.cpuPercent),
      bytes(usage?.rssBytes),
      usage?.openFiles == null ? NONE : String(usage.openFiles),
      health(agent),
    ]);
  });
}

function title({ id, name, version }: ShownAgent): HTMLElement {
  const more = [name === id ? '' : name, version].filter((text) => text !== '').map(clipped);
  return element(
    'span',
    {},
    quoted(clipped(id)),
    ...more.flatMap((text) => [element('br', {}), element('small', {}, quoted(text))]),
  );
}

/** Why it is not as it should be; else how many checks say that it is. */
function health({ reason, checks, alerts }: ShownAgent): HTMLElement {
  const failing = checks.filter(({ state }) => state === 'failing');
  const lines = [
    ...(reason ? [reason] : failing.map((check) => `${check.check} check: ${check.reason}`)),
    ...alerts.map(({ type }) => `over its ${type} threshold`),
  ];
  if (lines.length > 0) {
    return element('span', { class: 'why' }, ...lines.map((line) => element('span', {}, '▲ ', quoted(clipped(line)))));
  }
  const well = checks.filter(({ state }) => state === 'ok').map(({ check }) => check);
  return element('span', {}, well.length > 0 ? `✓ ${well.join(', ')}` : NONE);
}

export const UPDATE_COLUMNS = ['What', 'From', 'To', 'Phase', 'For'];

export function updates({ updates: shown, nowMs }: StatusPageView): HTMLElement[] {
  return shown.map(({ component, agentId, oldVersion, newVersion, phase, percent: done, sinceMs }) =>
    row(UPDATE_COLUMNS, [
      quoted(clipped(component === 'daemon' ? 'daemon' : agentId)),
      quoted(oldVersion || NONE),
      quoted(newVersion),
      done === null ? phase : `${phase} ${done} %`,
      duration(nowMs - sinceMs),
    ]),
  );
}

export const EVENT_COLUMNS = ['When', 'What', 'Agent', 'Message'];

export function events({ events: shown }: StatusPageView): HTMLElement[] {
  return shown.map(({ atMs, kind, agentId, message }) =>
    row(EVENT_COLUMNS, [
      moment(atMs),
      quoted(clipped(kind)),
      quoted(clipped(agentId) || NONE),
      quoted(clipped(message)),
    ]),
  );
}
