import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Summary } from '../../src/demo/state.ts';
import { readProcFile } from '../../src/shared/platform/proc.ts';
import { DIST } from '../support/manager-process.ts';
import { Child, expectNoProcessWith, killProcessesWith, processesWith } from '../support/processes.ts';
import { testFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-until.ts';

const END_MS = 25_000;

/** The demo with a temporary folder of its own, whose path marks everything that it starts. */
async function start(args: string[]): Promise<{ demo: Child; folder: string }> {
  const folder = join(await testFolder('demo'), 'tmp');
  await mkdir(folder);
  // no node_exporter of this machine: the same two agents everywhere
  const demo = new Child([join(DIST, 'demo.js'), ...args], { env: { TMPDIR: folder, PATH: '/nowhere' } });
  onTestFinished(() => killProcessesWith(folder));
  return { demo, folder };
}

async function expectNothingLeft(folder: string): Promise<void> {
  await expectNoProcessWith(folder);
  expect(await readdir(folder)).toEqual([]);
}

const says = (demo: Child, text: string) =>
  waitFor(() => demo.stdout.some((line) => line.includes(text)), { what: text });

const pidOf = (folder: string, bundle: string): number =>
  processesWith(folder).find((pid) => readProcFile(`/proc/${pid}/cmdline`)?.includes(bundle)) ?? 0;

test('a short run: everything is there, the summary says so, nothing is left', async () => {
  const { demo, folder } = await start(['--for', '7s', '--fast', '--json']);
  expect(await demo.ended(END_MS)).toEqual({ code: 0, signal: null });
  expect(demo.stdout).toHaveLength(1);
  const summary = demo.objects[0] as unknown as Summary;
  expect(summary.registered).toBe(true);
  expect(summary.heartbeats).toBeGreaterThanOrEqual(2);
  expect(summary.metricReports).toBeGreaterThanOrEqual(1);
  expect(Object.keys(summary.collectors).sort()).toEqual(['cpu', 'disk', 'memory', 'network']);
  expect(summary.collectors['memory']?.['total_bytes']).toBeGreaterThan(0);
  expect(summary.agents).toMatchObject([
    { id: 'sample-agent-1', status: 'running', restarts: 0 },
    { id: 'sample-agent-2', status: 'running', restarts: 0 },
  ]);
  expect(summary.rssBytes).toBeGreaterThan(1_000_000);
  expect(summary.cpuPercent).toBeGreaterThan(0);
  await expectNothingLeft(folder);
});

test('SIGTERM ends everything; an agent that was killed is seen to be restarted', async () => {
  const { demo, folder } = await start(['--fast']);
  await says(demo, 'agent sample-agent-2 is running');
  const before = demo.stdout.filter((line) => line.includes('sample-agent-1 is running')).length;
  const agent = pidOf(folder, 'sample-agent-1');
  expect(agent).toBeGreaterThan(0);
  process.kill(agent, 'SIGKILL');
  await waitFor(() => demo.stdout.filter((line) => line.includes('sample-agent-1 is running')).length > before, {
    what: 'the agent that was restarted',
  });
  demo.signal('SIGTERM');
  expect(await demo.ended(END_MS)).toEqual({ code: 0, signal: null });
  await expectNothingLeft(folder);
});

test.each([
  ['daemon.js', 'the daemon was ended by SIGKILL'],
  ['manager.js', 'the Manager was ended by SIGKILL'],
])('when %s dies the demo says so, cleans up and fails', async (bundle, message) => {
  const { demo, folder } = await start(['--fast']);
  await says(demo, 'agent sample-agent-2 is running');
  process.kill(pidOf(folder, bundle), 'SIGKILL');
  expect(await demo.ended(END_MS)).toEqual({ code: 1, signal: null });
  await waitFor(() => demo.stderr.some((line) => line.includes(message)), { what: 'the message' });
  await expectNothingLeft(folder);
});

test.each([
  [['--help'], 0, /^usage: npm run demo/],
  [['--for', 'ever'], 2, /^demo: --for ever: a time such as 20s/],
  [['--quick'], 2, /^demo: Unknown option '--quick'/],
])('%j', async (args, code, line) => {
  const { demo } = await start(args);
  expect(await demo.ended()).toEqual({ code, signal: null });
  await waitFor(() => demo.stdout.length + demo.stderr.length > 0, { what: 'the output' });
  expect((code === 0 ? demo.stdout : demo.stderr)[0]).toMatch(line);
});
