import { describe, expect, test } from 'vitest';
import { plain } from '../../../../src/ctl/text/terminal.ts';
import { width } from '../../../../src/ctl/text/width.ts';
import { keysIn } from '../../../../src/ctl/top/keys.ts';
import { onKey, START, sorted, type TopState } from '../../../../src/ctl/top/model.ts';
import { Screen } from '../../../../src/ctl/top/screen.ts';
import { renderTop, type TopData } from '../../../../src/ctl/top/view.ts';
import type { AgentView } from '../../../../src/shared/contracts/control.ts';
import { AGENTS, agentView, SAMPLES, statusView } from '../host-views.ts';

const usage = (cpuPercent: number, rssBytes: number): NonNullable<AgentView['usage']> => ({
  ...{ atMs: 0, cpuPercent, rssBytes, openFiles: null },
});
const THREE = [
  agentView('b', { pid: 3, usage: usage(1, 30) }),
  agentView('a', { pid: 0, usage: null }),
  agentView('c', { pid: 2, usage: usage(5, 10) }),
];

describe('keys', () => {
  test.each([
    ['q', ['q']],
    ['\u001b[A\u001b[B\u001bOB', ['up', 'down', 'down']],
    ['jk\u0003', ['j', 'k', 'ctrl-c']],
    ['\u001b', ['escape']],
    ['\u001b[1;5C', ['\u001b[1;5C']],
    ['é', ['é']],
  ])('%j', (text, keys) => {
    expect(keysIn(text)).toEqual(keys);
  });
});

describe('state', () => {
  const ids = ['a', 'b', 'c'];
  const press = (state: TopState, ...keys: string[]) => {
    let step: ReturnType<typeof onKey> = { state, effect: { kind: 'none' } };
    for (const key of keys) step = onKey(step.state, key, ids);
    return step;
  };

  test.each([
    ['cpu', ['c', 'b', 'a']],
    ['memory', ['b', 'c', 'a']],
    ['name', ['a', 'b', 'c']],
    ['pid', ['c', 'b', 'a']],
  ] as const)('sorted by %s', (sort, order) => {
    expect(sorted(THREE, sort).map(({ id }) => id)).toEqual(order);
  });

  test.each<[string[], string]>([
    [['down'], 'b'],
    [['j', 'j', 'j', 'j'], 'c'],
    [['j', 'k', 'up'], 'a'],
  ])('%j selects %s', (keys, id) => {
    expect(press(START, ...keys).state.selected).toBe(id);
  });

  test('an agent that has gone leaves the cursor on the first', () => {
    expect(press({ ...START, selected: 'gone' }, 'r').state.asking).toEqual({ action: 'restart', agentId: 'a' });
  });

  test('nothing is done before it is confirmed, and only for y', () => {
    expect(press(START, 'j', 'r').effect).toEqual({ kind: 'none' });
    expect(press(START, 'j', 'r', 'y')).toMatchObject({
      effect: { kind: 'operate', action: 'restart', agentId: 'b' },
      state: { asking: null },
    });
    expect(press(START, 's', 'q')).toMatchObject({
      effect: { kind: 'none' },
      state: { message: 'a is left as it is' },
    });
    expect(press(START, 's', 'Y').effect).toEqual({ kind: 'none' });
  });

  test('q and ctrl-c end it, ctrl-c while it asks, too', () => {
    expect(press(START, 'q').effect).toEqual({ kind: 'quit' });
    expect(press(START, 'r', 'ctrl-c').effect).toEqual({ kind: 'quit' });
  });

  test('no agents: nothing to select, nothing to ask', () => {
    for (const key of ['j', 'k', 'r', 's'])
      expect(onKey(START, key, [])).toEqual({ state: START, effect: { kind: 'none' } });
  });
});

describe('the picture', () => {
  const data = (over: Partial<TopData> = {}): TopData => ({
    ...{ status: statusView(), agents: AGENTS, samples: SAMPLES, atMs: Date.now(), away: '' },
    ...over,
  });
  const many = Array.from({ length: 100 }, (_, n) => agentView(`agent-${String(n).padStart(3, '0')}`));

  test.each([
    [80, 24],
    [20, 10],
    [200, 60],
    [1, 1],
  ])('fits %i columns and %i rows', (columns, rows) => {
    for (const agents of [[], AGENTS, many, [agentView('x'.repeat(100), { reason: '漢'.repeat(100) })]]) {
      const lines = renderTop(data({ agents }), START, { columns, rows }, plain);
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) expect(width(line)).toBeLessThanOrEqual(columns);
    }
  });

  test('the selected agent is always there, and what is not shown is counted', () => {
    for (const { id } of many) {
      const lines = renderTop(
        data({ agents: many }),
        { ...START, sort: 'name', selected: id },
        { columns: 80, rows: 24 },
        plain,
      );
      expect(lines.filter((line) => line.startsWith('>'))).toEqual([expect.stringContaining(id)]);
    }
    expect(renderTop(data({ agents: many }), START, { columns: 80, rows: 24 }, plain)[3]).toBe(
      'Agents  100 by cpu, 84 not shown',
    );
  });

  test('host, agents and keys', () => {
    const lines = renderTop(data(), START, { columns: 80, rows: 24 }, plain);
    expect(lines[0]).toContain('daemon 0.1.0 on web-1   up 3 h');
    expect(lines[1]).toBe('CPU     12.3 %  load 0.50 0.25 0.10     Memory   25.0 % of 8 GiB');
    expect(lines[2]).toBe('Disk    90.0 % of /var                  Network  in 2 KiB/s  out 1 KiB/s');
    expect(lines[6]).toMatch(/^> telegraf running +4712 +1\.5 % +42 MiB +0 +2h$/);
    expect(lines.at(-1)).toContain('q quit');
  });

  test('a question, a message, and a daemon that is away', () => {
    const size = { columns: 80, rows: 24 };
    const asking = { ...START, asking: { action: 'stop', agentId: 'telegraf' } } as const;
    expect(renderTop(data(), asking, size, plain).at(-1)).toBe('stop telegraf?  y: yes, any other key: no');
    expect(renderTop(data(), { ...START, message: 'done' }, size, plain).at(-1)).toBe('done');
    expect(renderTop(data({ away: 'it is away' }), START, { ...size, columns: 150 }, plain)[0]).toContain(
      'does not answer: it is away',
    );
  });

  test('before anything was collected', () => {
    const lines = renderTop(data({ samples: [] }), START, { columns: 80, rows: 24 }, plain);
    expect(lines[1]).toMatch(/^CPU {5}- {2}load - - -/);
  });
});

describe('the screen', () => {
  test('only what changed is written, and it is given back once', () => {
    const written: string[] = [];
    const screen = new Screen({ write: (text) => written.push(text) });
    screen.draw(['before it is open']);
    expect(written).toEqual([]);
    screen.open();
    screen.draw(['one', 'two']);
    written.length = 0;
    screen.draw(['one', 'TWO']);
    screen.draw(['one', 'TWO']);
    expect(written).toHaveLength(1);
    expect(written[0]).toContain('\u001b[2;1HTWO\u001b[K');
    expect(written[0]).not.toContain('one');
    written.length = 0;
    screen.draw(['one']);
    expect(written[0]).toContain('\u001b[2;1H\u001b[K');
    screen.close(-1); // the terminal has gone
    screen.close(-1);
    written.length = 0;
    screen.draw(['after it']);
    expect(written).toEqual([]);
  });
});
