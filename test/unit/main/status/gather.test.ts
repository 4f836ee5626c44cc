import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { Gatherer } from '../../../../src/main/status/gather.ts';
import { History } from '../../../../src/main/status/history.ts';
import { event, fakeSources, HOSTILE, statusConfig } from '../../../fakes/status-sources.ts';

const NOW = 1_700_000_000_000;
const CONFIG = statusConfig(
  'agents: [{id: telegraf, type: custom, binary_path: /bin/a, health_check: {interval: 10s}}]\n',
);
const PROMTOOL = spawnSync('promtool', ['--version']).error ? 'promtool is not installed' : '';

function gather(sources = fakeSources(NOW)) {
  return { sources, gatherer: new Gatherer(sources, () => CONFIG, new History()) };
}
const names = (text: string, prefix: string): string[] =>
  [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name).filter((name) => name.startsWith(prefix));

describe('the view', () => {
  test('has agents with their checks, events newest first and without their details', async () => {
    const view = await gather().gatherer.view(NOW);
    expect(view.agents.find(({ id }) => id === 'node-exporter')?.checks.at(-1)).toMatchObject({ reason: 'status 503' });
    expect(view.events.map(({ number }) => number)).toEqual([4, 3, 2, 1]);
    expect(JSON.stringify(view.events)).not.toContain('details');
    expect(view.updates).toHaveLength(1);
  });

  test('never loads the updater: it is asked only while an update is under way', async () => {
    const { sources, gatherer } = gather();
    sources.facts.status.updatesUnderWay = 0;
    expect((await gatherer.view(NOW)).updates).toEqual([]);
    await gatherer.exposition(NOW);
    expect(sources.asked).not.toContain('updateStatus');
  });

  test('shows the newest events of many, and asks for no others', async () => {
    const { sources, gatherer } = gather();
    sources.facts.events = Array.from({ length: 700 }, (_, index) => event(index + 1, NOW));
    const first = await gatherer.view(NOW);
    expect([first.events.length, first.events[0]?.number, first.events.at(-1)?.number]).toEqual([50, 700, 651]);
    sources.facts.events.push(event(701, NOW));
    sources.asked.length = 0;
    expect((await gatherer.view(NOW)).events[0]?.number).toBe(701);
    expect(sources.asked.filter((verb) => verb.startsWith('events'))).toEqual([
      `events ${Number.MAX_SAFE_INTEGER}`,
      'events 700',
    ]);
    sources.facts.events.push(...Array.from({ length: 60 }, (_, index) => event(index + 702, NOW)));
    const { events } = await gatherer.view(NOW);
    expect([events.length, events[0]?.number, events.at(-1)?.number]).toEqual([50, 761, 712]);
  });

  test('events that began anew, as where the work folder was emptied, are found again', async () => {
    const { sources, gatherer } = gather();
    sources.facts.events = Array.from({ length: 200 }, (_, index) => event(index + 1, NOW));
    await gatherer.view(NOW);
    sources.facts.events = [event(1, NOW)];
    expect((await gatherer.view(NOW)).events.map(({ number }) => number)).toEqual([1]);
  });

  test('an agent that went meanwhile has no checks, and the rest is shown', async () => {
    const sources = fakeSources(NOW);
    const gone = { ...sources, health: () => Promise.reject(new Error('there is no agent telegraf')) };
    const view = await new Gatherer(gone, () => CONFIG, new History()).view(NOW);
    expect(view.agents.map(({ checks }) => checks.length)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe('the metrics', () => {
  test('the daemon, the host and the agents; a hostile name stays inside its quotes', async () => {
    const text = await gather().gatherer.exposition(NOW);
    expect(text).toMatch(/^daemon_build_info\{version="1\.4\.0",node_version="[\d.]+"\} 1$/m);
    expect(text).toMatch(/^daemon_manager_connected 1$/m);
    expect(text).toMatch(/^daemon_events_total 4$/m);
    expect(text).toMatch(/^daemon_certificate_expiry_timestamp_seconds 1935630121$/m);
    expect(text).toMatch(/^daemon_collector_last_sample_timestamp_seconds\{collector="queue"\} 1699999995$/m);
    expect(text).toMatch(/^node_memory_MemTotal_bytes 16000000000$/m);
    const quoted = HOSTILE.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
    expect(text).toContain(`daemon_agent_info{agent="hostile",name="${quoted}"`);
    const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(series.filter((line) => !/^[a-z_]\w*(\{.*\})? -?[\d.e+]+$/i.test(line))).toEqual([]);
    expect(new Set(series.map((line) => line.replace(/ \S+$/, ''))).size).toBe(series.length);
    expect(new Set(names(text, '')).size).toBe(names(text, '').length);
  });

  test('figures of the host are absent after three intervals and half a minute; when they came is not', async () => {
    const { gatherer } = gather();
    const at = NOW - 5000;
    expect(names(await gatherer.exposition(at + 210_000), 'node_')).toContain('node_load1');
    const late = await gatherer.exposition(at + 210_001);
    expect([names(late, 'node_'), names(late, 'daemon_host_')]).toEqual([[], []]);
    expect(late).toContain('daemon_collector_last_sample_timestamp_seconds{collector="cpu"} 1699999995');
    // a clock that was set back
    expect(names(await gatherer.exposition(at - 210_001), 'node_')).toEqual([]);
  });

  test('what an agent used is absent when its checks have stopped, by its own interval', async () => {
    const { gatherer } = gather();
    const cpu = async (atMs: number) => (await gatherer.exposition(atMs)).includes('daemon_agent_cpu_ratio{');
    expect([await cpu(NOW - 12_000 + 60_000), await cpu(NOW - 12_000 + 60_001)]).toEqual([true, false]);
  });

  test('without a certificate there is no time at which it expires', async () => {
    const { sources, gatherer } = gather();
    sources.facts.link.certificate = null;
    expect(await gatherer.exposition(NOW)).not.toContain('certificate');
  });

  test.skipIf(PROMTOOL)(`promtool finds nothing wrong but node_exporter's own spelling ${PROMTOOL}`, async () => {
    const input = await gather().gatherer.exposition(NOW);
    const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
    const said = `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
    const camelCase = said.filter((line) =>
      /^node_memory_\w+ metric names should be written in 'snake_case'/.test(line),
    );
    expect(said).toEqual(camelCase);
    expect(camelCase).toHaveLength(5);
  });
});
