/** The picture of `top`: lines for a terminal of some size. Pure. */
import type { AgentView, StatusView } from '../../shared/contracts/control.ts';
import type { MetricRow, MetricValues, Sample } from '../../shared/contracts/metrics.ts';
import { ageOf, cpuOf, memoryOf, noteOf } from '../text/agent-text.ts';
import { colourOf, type Paint } from '../text/terminal.ts';
import { cut, padded } from '../text/width.ts';
import { percent, size, span, time } from '../text/words.ts';
import { sorted, type TopState } from './model.ts';

export interface TopData {
  status: StatusView;
  agents: readonly AgentView[];
  samples: readonly Sample[];
  /** Unix milliseconds. */
  atMs: number;
  /** Why the daemon did not answer last; empty where it did. */
  away: string;
}

export interface Size {
  columns: number;
  rows: number;
}

const KEYS = 'c cpu  m memory  n name  p pid   up/down j/k select   r restart  s stop   q quit';
/** Lines around the agents: four of the host, an empty one, the heads, an empty one, the keys. */
const FRAME_ROWS = 8;
const LONGEST_ID = 24;

const number = (values: MetricValues | undefined, name: string): number | null => {
  const value = values?.[name];
  return typeof value === 'number' ? value : null;
};

const share = (value: number | null): string => (value === null ? '-' : percent(value));

function rowsOf(values: MetricValues | undefined, name: string): MetricRow[] {
  const rows = values?.[name];
  return Array.isArray(rows) ? rows : [];
}

function rate(rows: readonly MetricRow[], name: string): string {
  return `${size(rows.reduce((sum, row) => sum + Number(row[name] ?? 0), 0))}/s`;
}

function hostLines(samples: readonly Sample[]): string[] {
  const of = (name: string): MetricValues | undefined => samples.find(({ collector }) => collector === name)?.values;
  const [cpu, memory] = [of('cpu'), of('memory')];
  const loads = ['load1', 'load5', 'load15'].map((name) => number(cpu, name)?.toFixed(2) ?? '-').join(' ');
  const fullest = rowsOf(of('disk'), 'disks').toSorted(
    (a, b) => Number(b['used_percent']) - Number(a['used_percent']),
  )[0];
  const disk = fullest ? `${percent(Number(fullest['used_percent'] ?? 0))} of ${fullest['mountpoint']}` : '-';
  const network = rowsOf(of('network'), 'interfaces');
  const total = number(memory, 'total');
  const ofTotal = total === null ? '' : ` of ${size(total)}`;
  return [
    `CPU     ${padded(`${share(number(cpu, 'usage_percent'))}  load ${loads}`, 32)}Memory   ${share(number(memory, 'used_percent'))}${ofTotal}`,
    `Disk    ${padded(disk, 32)}Network  in ${rate(network, 'bytes_recv_per_second')}  out ${rate(network, 'bytes_sent_per_second')}`,
  ];
}

interface Column {
  head: string;
  columns: number;
  side: 'left' | 'right';
  of(agent: AgentView): string;
}

function columnsFor(agents: readonly AgentView[], columns: number, nowMs: number): Column[] {
  const longest = Math.max(5, ...agents.map(({ id }) => id.length));
  const fixed: Column[] = [
    { head: 'AGENT', columns: Math.min(LONGEST_ID, longest), side: 'left', of: ({ id }) => id },
    { head: 'STATUS', columns: 10, side: 'left', of: ({ status }) => status },
    { head: 'PID', columns: 8, side: 'right', of: ({ pid }) => (pid === 0 ? '-' : String(pid)) },
    { head: 'CPU', columns: 8, side: 'right', of: cpuOf },
    { head: 'MEMORY', columns: 10, side: 'right', of: memoryOf },
    { head: 'RST', columns: 4, side: 'right', of: ({ restarts }) => String(restarts) },
    { head: 'AGE', columns: 4, side: 'right', of: (agent) => ageOf(agent, nowMs) },
  ];
  const shown: Column[] = [];
  let room = columns - 2;
  for (const column of fixed) {
    if (room < column.columns) break; // a narrow terminal shows the first ones
    shown.push(column);
    room -= column.columns + 1;
  }
  return room > 0 ? [...shown, { head: 'NOTE', columns: room, side: 'left', of: noteOf }] : shown;
}

/** At most `rows` lines of at most `columns`. The selected agent is always among those that are shown. */
export function renderTop(data: TopData, state: TopState, { columns, rows }: Size, paint: Paint): string[] {
  const { status, atMs, away } = data;
  const agents = sorted(data.agents, state.sort);
  const room = Math.max(1, rows - FRAME_ROWS);
  const selected = Math.max(
    0,
    agents.findIndex(({ id }) => id === state.selected),
  );
  const first = Math.max(0, Math.min(selected - Math.floor(room / 2), agents.length - room));
  const shape = columnsFor(agents, columns, atMs);
  const shown = agents.slice(first, first + room).map((agent, n) => {
    const cells = shape.map((column) => {
      const cell = padded(column.of(agent), column.columns, column.side);
      return column.head === 'STATUS' ? paint(colourOf(agent.status), cell) : cell;
    });
    const marked = first + n === selected;
    return `${marked ? '>' : ' '} ${marked ? paint('bold', cells.join(' ')) : cells.join(' ')}`.trimEnd();
  });
  const hidden = agents.length - shown.length;
  const more = hidden > 0 ? `, ${hidden} not shown` : '';
  const process = `daemon ${status.version} on ${status.hostName}   up ${span(atMs - status.startedMs)}   ${size(status.rssBytes)}`;
  const head = away === '' ? `${process}   link ${status.link.state}` : `the daemon does not answer: ${away}`;
  return [
    paint(away === '' ? 'bold' : 'red', cut(`${padded(head, Math.max(0, columns - 22))}  ${time(atMs)}`, columns)),
    ...hostLines(data.samples).map((line) => cut(line, columns)),
    cut(`Agents  ${agents.length} by ${state.sort}${more}`, columns),
    '',
    paint(
      'dim',
      cut(`  ${shape.map(({ head, columns: width, side }) => padded(head, width, side)).join(' ')}`.trimEnd(), columns),
    ),
    ...shown,
    ...Array.from({ length: room - shown.length }, () => ''),
    '',
    footer(state, columns, paint),
  ].slice(0, rows);
}

function footer({ asking, message }: TopState, columns: number, paint: Paint): string {
  if (asking) {
    const { action, agentId } = asking;
    return paint('yellow', cut(`${action} ${agentId}?  y: yes, any other key: no`, columns));
  }
  return message === '' ? paint('dim', cut(KEYS, columns)) : cut(message, columns);
}
