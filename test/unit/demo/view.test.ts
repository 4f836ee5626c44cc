import { describe, expect, test } from 'vitest';
import { type DemoState, NEW_STATE } from '../../../src/demo/state.ts';
import { renderView, type ViewOptions } from '../../../src/demo/view.ts';
import { AGENT_STATE } from '../../support/manager-client.ts';

const OPTIONS: ViewOptions = { width: 80, colour: false, nowMs: 65_000, elapsedMs: 61_000 };

const STATE: DemoState = {
  nodeId: '79965438-fbd7-43e6-a611-8ceb22b86a3c',
  hostname: 'host-1',
  registered: true,
  link: { state: 'connected', reason: '' },
  heartbeats: 12,
  lastHeartbeatAtMs: 62_000,
  heartbeatRoundTripMs: 1.24,
  metricReports: 3,
  reportRoundTripMs: 14.6,
  collectors: {
    cpu: { timestamp: 1, values: { usage_percent: 12.34, cores: 4, load1: 0.5 }, durationMs: 0.92 },
    memory: {
      timestamp: 1,
      values: { usage_percent: 40, used_bytes: 3_200_000_000, total_bytes: 8_000_000_000 },
      durationMs: 0.3,
    },
    disk: { timestamp: 0, values: {}, durationMs: 2 },
    gpu: { timestamp: 1, values: { temperature: 51, load: 0.333 }, durationMs: null },
  },
  agents: {
    b: { ...AGENT_STATE, agentId: 'b', status: 'restarting', pid: 0, restartCount: 3, reason: 'ended with code 1' },
    a: { ...AGENT_STATE, agentId: 'a', reason: '' },
  },
  daemonPid: 99,
  usage: { 99: { rssBytes: 21_540_000, cpuPercent: 0.34 }, 4711: { rssBytes: 42_000_000, cpuPercent: 1 } },
};

test('the whole picture', () => {
  expect(renderView(STATE, OPTIONS)).toEqual([
    ' Host daemon demo                                          running for 1 min 1 s',
    '',
    ' Node           79965438-fbd7-43e6-a611-8ceb22b86a3c  (host-1)',
    ' Manager link   connected',
    ' Heartbeats     12, last 3 s ago, round trip 1.2 ms',
    ' Reports        3, round trip 15 ms',
    ' Daemon         pid 99  memory 21.5 MB  CPU 0.3 %',
    '',
    ' COLLECTOR      LATEST VALUES                                               TOOK',
    ' cpu            12.3 %  4 cores  load 0.50                                0.9 ms',
    ' memory         40.0 %  3.2 GB of 8.0 GB                                  0.3 ms',
    ' disk           nothing yet                                               2.0 ms',
    ' network        nothing yet                                                    -',
    ' gpu            temperature 51  load 0.33                                      -',
    '',
    ' AGENT          STATE             PID  RESTARTS       CPU     MEMORY',
    ' a              running          4711         2     1.0 %    42.0 MB',
    ' b              restarting          -         3         -          -',
    '   ended with code 1',
    '',
    ' Ctrl-C ends the demo and everything that it started.',
  ]);
});

test('before anything is known', () => {
  const lines = renderView(NEW_STATE, OPTIONS);
  expect(lines).toContain(' Node           not registered yet');
  expect(lines).toContain(' Manager link   starting');
  expect(lines).toContain(' Heartbeats     none yet');
  expect(lines).toContain(' Daemon         not running');
  expect(lines).toContain(' none reported yet');
});

describe('width', () => {
  const long: DemoState = {
    ...STATE,
    link: { state: 'backing-off', reason: 'x'.repeat(300) },
    collectors: { other: { timestamp: 1, values: { ['k'.repeat(200)]: 1 }, durationMs: 1 } },
    agents: { a: { ...AGENT_STATE, agentId: 'a'.repeat(100), reason: 'y'.repeat(300) } },
  };
  test.each([40, 80, 100])('no line is longer than %i', (width) => {
    const lines = renderView(long, { ...OPTIONS, width });
    expect(Math.max(...lines.map((line) => [...line].length))).toBe(width);
    expect(lines.find((line) => line.includes('backing-off'))?.endsWith('…')).toBe(true);
  });
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: the styles of a terminal begin with one
const STYLE = /\u001b\[\d+m/g;

test('with colour the text is the same, and every style is ended', () => {
  const coloured = renderView(STATE, { ...OPTIONS, colour: true });
  expect(coloured.map((line) => line.replace(STYLE, '').trimEnd())).toEqual(renderView(STATE, OPTIONS));
  for (const line of coloured) expect(line.match(STYLE)?.at(-1) ?? '\u001b[0m').toBe('\u001b[0m');
  expect(coloured.join('\n')).toContain('\u001b[32mrunning');
});

test('what a name holds cannot move the cursor', () => {
  const lines = renderView({ ...STATE, hostname: 'a\u001b[2Jb\nc' }, OPTIONS);
  expect(lines[2]).toBe(' Node           79965438-fbd7-43e6-a611-8ceb22b86a3c  (a?[2Jb?c)');
});
