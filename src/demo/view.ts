/** The live view: a state and a width give lines, none longer than the width. Pure. */
import { bytes, collectorLine, duration, milliseconds, percent } from './figures.ts';
import type { DemoState } from './state.ts';

export interface ViewOptions {
  width: number;
  colour: boolean;
  /** Unix milliseconds. */
  nowMs: number;
  /** Since the demo began. */
  elapsedMs: number;
}

const BOLD = '1';
const DIM = '2';
const RED = '31';
const GREEN = '32';
const YELLOW = '33';

/** A piece of a line: the text counts for the width, the style does not. */
interface Piece {
  text: string;
  style?: string;
}

const COLLECTOR_ORDER = ['cpu', 'memory', 'disk', 'network'];
const NAME_WIDTH = 15;
const TOOK_WIDTH = 9;

// biome-ignore lint/suspicious/noControlCharactersInRegex: what an agent's or a host's name holds must not move the cursor
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

function line(pieces: readonly Piece[], { width, colour }: ViewOptions): string {
  let left = width;
  let result = '';
  for (const { text, style } of pieces) {
    const clean = [...text.replace(CONTROL, '?')];
    const shown =
      clean.length <= left ? clean.join('') : `${clean.slice(0, Math.max(0, left - 1)).join('')}${left > 0 ? '…' : ''}`;
    left -= Math.min(left, clean.length);
    result += colour && style && shown.trim() ? `\u001b[${style}m${shown}\u001b[0m` : shown;
  }
  return result.trimEnd();
}

function statusStyle(status: string): string {
  if (status === 'running' || status === 'connected') return GREEN;
  return status === 'failed' ? RED : YELLOW;
}

function fact(name: string, ...pieces: Piece[]): Piece[] {
  return [{ text: ` ${name.padEnd(NAME_WIDTH)}`, style: DIM }, ...pieces];
}

function nodeLines(state: DemoState, { nowMs }: ViewOptions): Piece[][] {
  const { link, nodeId, hostname, heartbeats, lastHeartbeatAtMs, metricReports } = state;
  const beat = lastHeartbeatAtMs
    ? `${heartbeats}, last ${duration(nowMs - lastHeartbeatAtMs)} ago, round trip ${milliseconds(state.heartbeatRoundTripMs)}`
    : 'none yet';
  const usage = state.usage[state.daemonPid];
  return [
    fact('Node', { text: nodeId || 'not registered yet' }, { text: hostname ? `  (${hostname})` : '', style: DIM }),
    fact(
      'Manager link',
      { text: link.state, style: statusStyle(link.state) },
      { text: link.reason ? `  ${link.reason}` : '' },
    ),
    fact('Heartbeats', { text: beat }),
    fact('Reports', {
      text: metricReports ? `${metricReports}, round trip ${milliseconds(state.reportRoundTripMs)}` : 'none yet',
    }),
    fact('Daemon', {
      text: usage
        ? `pid ${state.daemonPid}  memory ${bytes(usage.rssBytes)}  CPU ${percent(usage.cpuPercent)}`
        : 'not running',
    }),
  ];
}

function collectorLines(state: DemoState, { width }: ViewOptions): Piece[][] {
  const valuesWidth = Math.max(0, width - NAME_WIDTH - TOOK_WIDTH - 1);
  const others = Object.keys(state.collectors).filter((name) => !COLLECTOR_ORDER.includes(name));
  return [
    [
      {
        text: ` ${'COLLECTOR'.padEnd(NAME_WIDTH)}${'LATEST VALUES'.padEnd(valuesWidth)}${'TOOK'.padStart(TOOK_WIDTH)}`,
        style: BOLD,
      },
    ],
    ...[...COLLECTOR_ORDER, ...others.sort()].map((name) => {
      const collector = state.collectors[name];
      const values = collector && collector.timestamp > 0 ? collectorLine(name, collector.values) : 'nothing yet';
      const cut = values.length > valuesWidth ? `${values.slice(0, Math.max(0, valuesWidth - 1))}…` : values;
      const took = milliseconds(collector?.durationMs ?? null);
      return [{ text: ` ${name.padEnd(NAME_WIDTH)}${cut.padEnd(valuesWidth)}${took.padStart(TOOK_WIDTH)}` }];
    }),
  ];
}

const AGENT_COLUMNS = [
  { title: 'STATE', width: 12 },
  { title: 'PID', width: 9, right: true },
  { title: 'RESTARTS', width: 10, right: true },
  { title: 'CPU', width: 10, right: true },
  { title: 'MEMORY', width: 11, right: true },
];

function cells(texts: readonly string[]): string[] {
  return AGENT_COLUMNS.map(({ width, right }, at) => {
    const text = texts[at] ?? '';
    return right ? text.padStart(width) : text.padEnd(width);
  });
}

function agentLines(state: DemoState): Piece[][] {
  const heading = ` ${'AGENT'.padEnd(NAME_WIDTH)}${cells(AGENT_COLUMNS.map(({ title }) => title)).join('')}`;
  const agents = Object.values(state.agents).sort((a, b) => (a.agentId < b.agentId ? -1 : 1));
  const rows = agents.flatMap((agent): Piece[][] => {
    const usage = state.usage[agent.pid];
    const [status = '', ...rest] = cells([
      agent.status,
      agent.pid ? String(agent.pid) : '-',
      String(agent.restartCount),
      usage ? percent(usage.cpuPercent) : '-',
      usage ? bytes(usage.rssBytes) : '-',
    ]);
    const name = agent.agentId.length < NAME_WIDTH ? agent.agentId : `${agent.agentId.slice(0, NAME_WIDTH - 2)}…`;
    return [
      [
        { text: ` ${name.padEnd(NAME_WIDTH)}` },
        { text: status, style: statusStyle(agent.status) },
        { text: rest.join('') },
      ],
      ...(agent.reason ? [[{ text: `   ${agent.reason}`, style: DIM }]] : []),
    ];
  });
  return [[{ text: heading, style: BOLD }], ...(rows.length > 0 ? rows : [[{ text: ' none reported yet' }]])];
}

export function renderView(state: DemoState, options: ViewOptions): string[] {
  const title = ' Host daemon demo';
  const since = `running for ${duration(options.elapsedMs)}`;
  const gap = ' '.repeat(Math.max(2, options.width - title.length - since.length));
  return [
    [
      { text: title, style: BOLD },
      { text: gap + since, style: DIM },
    ],
    [],
    ...nodeLines(state, options),
    [],
    ...collectorLines(state, options),
    [],
    ...agentLines(state),
    [],
    [{ text: ' Ctrl-C ends the demo and everything that it started.', style: DIM }],
  ].map((pieces) => line(pieces, options));
}
