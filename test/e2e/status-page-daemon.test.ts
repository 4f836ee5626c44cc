/** The status page as the built daemon serves it: off unless configured, true to what is there, changed by a reload. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { StatusPageView } from '../../src/shared/contracts/status-page.ts';
import { browserProgram } from '../support/browser.ts';
import { sampleAgent, TestHost } from '../support/daemon-process.ts';
import { freePort } from '../support/free-port.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { waitFor } from '../support/wait-until.ts';

const PROGRAM = browserProgram();

let host: TestHost;
let manager: ManagerProcess;
let port: number;

beforeEach(async () => {
  host = await TestHost.make();
  manager = await ManagerProcess.start();
  port = await freePort();
});
afterEach(async () => {
  await host.remove();
  await manager.stop('SIGKILL');
});

const configure = (status: object | null, over: Record<string, unknown> = {}): Promise<void> =>
  host.configure(manager.port, manager.tlsFolder, { ...(status ? { status } : {}), ...over });
const url = (path: string, at = port): string => `http://127.0.0.1:${at}${path}`;
const served = (): Promise<unknown> => host.logged('status-page', ({ level }) => level === 'info');
const refused = (at: number): Promise<string> =>
  fetch(url('/', at)).then(
    ({ status }) => String(status),
    (error: Error) => String((error.cause as NodeJS.ErrnoException).code),
  );

/** Has the daemon write down which modules it loads. */
async function watchModules(): Promise<{ env: Record<string, string>; loaded: () => string }> {
  const [hook, list] = [join(host.folder, 'hook.cjs'), join(host.folder, 'loaded')];
  const source = `const { Module } = require('module'); const load = Module._load; const { appendFileSync } = require('fs');
    Module._load = function (name) { appendFileSync(${JSON.stringify(list)}, name + '\\n'); return load.apply(this, arguments); };`;
  await writeFile(hook, source);
  return { env: { NODE_OPTIONS: `--require ${hook}` }, loaded: () => readFileSync(list, 'utf8') };
}

describe('the daemon', () => {
  test('loads nothing of the page unless it is configured', async () => {
    await configure(null);
    const { env, loaded } = await watchModules();
    host.start([], { env });
    await manager.event('report');
    expect(loaded()).toContain('config.js');
    expect(loaded()).not.toMatch(/status\.js|^(node:)?http$/m);
    expect(host.log().filter(({ event }) => event === 'status-page')).toEqual([]);
  });

  test('serves what is there: the page, agents, figures and metrics', async () => {
    await configure({ listen: `127.0.0.1:${port}` }, { agents: [sampleAgent('one')] });
    host.start();
    await served();
    const view = await waitFor(
      async () => {
        const got = (await (await fetch(url('/api/status'))).json()) as StatusPageView;
        const { history, agents, metrics, link } = got;
        const isThere = agents[0]?.status === 'running' && metrics.samples.length >= 4 && link.state === 'connected';
        return isThere && history.memory.points.length > 0 ? got : null;
      },
      { what: 'agents, figures and the Manager', timeoutMs: 20_000, everyMs: 200 },
    );
    expect(view.agents).toMatchObject([{ id: 'one', status: 'running', restarts: 0 }]);
    expect(view.events.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['daemon-started', 'agent-started']));
    const html = await fetch(url('/'));
    expect(await html.text()).toMatch(/^<!doctype html>[\s\S]*<script>/);
    expect(html.headers.get('content-security-policy')).toMatch(/script-src 'sha256-/);

    const text = await (await fetch(url('/metrics'))).text();
    const total = Number(/^MemTotal:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;
    const lines = text.split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        `node_memory_MemTotal_bytes ${total}`,
        'daemon_manager_connected 1',
        'daemon_agent_up{agent="one"} 1',
        'daemon_agent_restarts_total{agent="one"} 0',
      ]),
    );
    const series = lines
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.replace(/ \S+$/, ''));
    expect(new Set(series).size).toBe(series.length);
  });

  const hasPromtool = spawnSync('promtool', ['--version']).error === undefined;
  test.skipIf(!hasPromtool)(`has metrics that promtool takes${hasPromtool ? '' : ' (it is not on PATH)'}`, async () => {
    await configure({ listen: `127.0.0.1:${port}` }, { agents: [sampleAgent('one')] });
    host.start();
    await served();
    const metrics = async (): Promise<string> => (await fetch(url('/metrics'))).text();
    const whole = [
      /^node_memory_MemTotal_bytes \d/m,
      /^daemon_host_cpu_seconds_total\{/m,
      /^daemon_agent_up\{agent="one"\} 1$/m,
    ];
    const input = await waitFor(
      async () => {
        const text = await metrics();
        return whole.every((line) => line.test(text)) && text;
      },
      { what: 'all metrics', timeoutMs: 20_000, everyMs: 200 },
    );
    const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
    const said = `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
    expect(said.filter((line) => !/^node_memory_\w+ .*snake_case/.test(line))).toEqual([]);
    expect(said.length).toBeGreaterThan(0); // it has read them
  });

  test.skipIf(!PROGRAM)(`shows it in a browser without a fault${PROGRAM ? '' : ' (no Chromium on PATH)'}`, async () => {
    await configure({ listen: `127.0.0.1:${port}` }, { agents: [sampleAgent('one')] });
    host.start();
    await served();
    const browser = await chromium.launch({ executablePath: PROGRAM ?? '' });
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on('console', (message) => void (message.type() === 'error' && faults.push(message.text())));
    page.on('pageerror', (error) => faults.push(String(error)));
    await page.goto(url('/'));
    await page.getByRole('row').filter({ hasText: '● running' }).waitFor();
    await page.getByText('● connected').waitFor();
    await page.getByRole('img', { name: /^Memory over the last hour: used [\d.]+ %/ }).waitFor();
    expect(await page.getByRole('rowheader', { name: 'one' }).count()).toBe(1);
    expect(faults).toEqual([]);
  });

  test('a reload moves it, takes the metrics away, and switches it off', async () => {
    await configure({ listen: `127.0.0.1:${port}` });
    const daemon = host.start();
    await served();
    expect((await fetch(url('/metrics'))).status).toBe(200);
    const second = await freePort();
    const reload = async (status: object): Promise<void> => {
      const since = host.log().length;
      await configure(status);
      daemon.signal('SIGHUP');
      await host.logged('reloaded', () => true, since);
    };
    await reload({ listen: `127.0.0.1:${second}`, metrics: false });
    expect([await refused(port), await refused(second)]).toEqual(['ECONNREFUSED', '200']);
    expect((await fetch(url('/metrics', second))).status).toBe(404);
    await reload({});
    expect(await refused(second)).toBe('ECONNREFUSED');
  });

  test('an address that another program has is told, and keeps nothing else from starting', async () => {
    const other = createServer();
    onTestFinished(() => void other.close());
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    await configure({ listen: `127.0.0.1:${port}` });
    host.start();
    expect(await host.logged('status-page')).toMatchObject({ level: 'warn', address: `127.0.0.1:${port}` });
    await manager.event('registered');
  });

  test('ends at once while somebody is connected', async () => {
    await configure({ listen: `127.0.0.1:${port}` });
    const daemon = host.start();
    await served();
    expect((await fetch(url('/api/status'))).status).toBe(200); // the connection is kept by fetch
    const startedMs = performance.now();
    expect(await daemon.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });
});
