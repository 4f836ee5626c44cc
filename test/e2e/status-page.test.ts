/** The status page in a real browser, and as the built daemon serves it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { StatusServer } from '../../src/main/status/status-server.ts';
import { FakeClock } from '../fakes/clock.ts';
import { FakeLog } from '../fakes/log.ts';
import {
  agentView,
  event,
  type FakeSources,
  fakeSources,
  HOSTILE,
  hourOfSamples,
  statusConfig,
} from '../fakes/status-sources.ts';
import { browserProgram } from '../support/browser.ts';

const ROOT = join(import.meta.dirname, '../..');
const SCREEN = join(ROOT, 'docs/screens/status-page.png');
const PROGRAM = browserProgram();
const REASON = PROGRAM ? '' : ' (no Chromium on PATH)';
const DESKTOP = { width: 1280, height: 900 };
/** How often the page asks. */
const POLL_MS = 5000;
const PHONE = { width: 375, height: 740 };

describe.skipIf(!PROGRAM)(`in a browser${REASON}`, () => {
  let html: string;
  let browser: Browser;
  let sources: FakeSources;
  let clock: FakeClock;
  let server: StatusServer;
  /** Errors on the console or of the script, and requests that left the page's own origin. */
  let faults: string[];

  beforeAll(async () => {
    const script = pathToFileURL(join(ROOT, 'scripts/status-page.mjs')).href;
    const { buildStatusPage } = (await import(script)) as { buildStatusPage(): Promise<string> };
    html = await buildStatusPage();
    browser = await chromium.launch({ executablePath: PROGRAM ?? '' });
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    clock = new FakeClock();
    sources = fakeSources(clock.wallMs());
    faults = [];
    server = await serve();
  });
  afterEach(() => server.close());

  async function serve(address = '127.0.0.1:0'): Promise<StatusServer> {
    const config = statusConfig();
    const log = new FakeLog();
    const made = await StatusServer.listen({ address, page: html, sources, config: () => config, clock, log });
    made.samples(hourOfSamples(clock.wallMs()));
    return made;
  }

  async function open(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', viewport: DESKTOP, ...options });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.clock.install();
    const origin = `http://${server.address}`;
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) faults.push(message.text());
    });
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith(`${origin}/`) && request.url() !== 'data:,') faults.push(request.url());
    });
    await page.goto(`${origin}/`);
    await page.getByText('● live').waitFor();
    return page;
  }

  const cells = async (page: Page, table: string, row: string): Promise<string[]> => {
    const found = page.getByRole('table', { name: table }).getByRole('row').filter({ hasText: row });
    return found.getByRole('cell').allInnerTexts();
  };

  test('shows the host, its agents and what happened, without a fault', async () => {
    const page = await open();
    expect(await page.title()).toBe('web-17: status');
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('web-17');
    expect(await page.locator('#facts').textContent()).toMatch(/● connected for 1 d 2 hmanager\.example\.com:9090/);
    expect(await cells(page, 'Agents', 'telegraf')).toEqual([
      ...['● running', '3 d', '0', '1.8 %', '61.0 MB', '23', '✓ process, heartbeat, resources'],
    ]);
    expect(await cells(page, 'Agents', 'filebeat')).toEqual([
      ...['▲ restarting', '–', '4', '–', '–', '–', '▲ ended with exit code 1'],
    ]);
    expect(await cells(page, 'Agents', 'node-exporter')).toContain('▲ http check: status 503');
    expect(await cells(page, 'Updates under way', 'telegraf')).toEqual([
      '1.29.0',
      '1.30.0',
      'downloading 40 %',
      '20 s',
    ]);
    expect(await cells(page, 'File systems', '/mnt/nfs')).toContain('▲ does not answer');
    const events = page.getByRole('table', { name: 'Events' }).getByRole('row');
    expect(await events.nth(1).textContent()).toMatch(/agent-failedbilling-workerrestarted too often/);
    expect(faults).toEqual([]);
  });

  test('each chart says in words what it shows', async () => {
    const page = await open();
    const images = page.locator('#charts').getByRole('img');
    const labels = await Promise.all((await images.all()).map((image) => image.getAttribute('aria-label')));
    expect(labels).toEqual([
      expect.stringMatching(/^CPU over the last hour: usage [\d.]+ %, highest 38\.0 %$/),
      expect.stringMatching(/^Memory over the last hour: used [\d.]+ %, highest 45\.0 %$/),
      expect.stringMatching(/^Disk over the last hour: read [\d.]+ [KM]B\/s, highest [\d.]+ [KM]B\/s; written /),
      expect.stringMatching(/^Network over the last hour: received [\d.]+ [KM]B\/s, .*; sent /),
    ]);
    const lines = await page.locator('#charts path.line').evaluateAll((paths) => paths.map((p) => p.getAttribute('d')));
    expect(lines).toHaveLength(6);
    for (const line of lines) expect(line?.match(/L/g)).toHaveLength(59);
  });

  test('what a hostile agent calls itself is text, and does nothing', async () => {
    const page = await open();
    const row = page.getByRole('table', { name: 'Agents' }).getByRole('row').filter({ hasText: 'hostile' });
    expect(await row.textContent()).toContain('<img src=x onerror="window.hit=1"><script>window.hit=1</script>');
    expect(await row.locator('bdi').filter({ hasText: '<img' }).first().textContent()).toBe(HOSTILE);
    expect(await page.locator('#collector-errors').textContent()).toContain('<script>');
    expect(await page.evaluate('[window.hit, document.images.length, document.scripts.length]')).toEqual([
      undefined,
      0,
      1,
    ]);
    expect(faults).toEqual([]);
  });

  test('the browser itself refuses what the page does not carry', async () => {
    const page = await open();
    const refused = await page.evaluate(`(async () => {
      const refused = [];
      try { document.body.innerHTML = '<b>x</b>'; } catch { refused.push('html'); }
      const script = document.createElement('script');
      try { script.textContent = 'window.hit = 1'; document.body.append(script); } catch { refused.push('script'); }
      await fetch('https://example.com/').catch(() => refused.push('fetch'));
      return [...refused, window.hit];
    })()`);
    expect(refused).toEqual(['html', 'script', 'fetch', null].map((what) => what ?? undefined));
  });

  test('follows what changes, says when nobody answers, and goes on by itself', async () => {
    const page = await open();
    sources.facts.agents.push(agentView('late-comer'));
    sources.facts.events.push(event(5, clock.wallMs(), { agentId: 'late-comer', message: 'came late' }));
    await page.clock.fastForward(POLL_MS);
    await page.getByRole('rowheader', { name: 'late-comer' }).waitFor();
    await page.getByText('came late').waitFor();
    const { address } = server;
    await server.close();
    await page.clock.fastForward(POLL_MS);
    const status = page.getByRole('status');
    await status.filter({ hasText: '▲ the daemon does not answer' }).waitFor();
    expect(await status.textContent()).toMatch(/; shown is what it said at \d\d:\d\d:\d\d$/);
    expect(await page.getByRole('rowheader', { name: 'late-comer' }).isVisible()).toBe(true);
    server = await serve(address);
    await page.clock.fastForward(POLL_MS);
    await page.getByText('● live').waitFor();
  });

  test('what somebody has marked to copy it stays marked', async () => {
    const page = await open();
    await page.getByText('restarted too often').selectText();
    const { length } = sources.asked;
    await page.clock.fastForward(POLL_MS);
    await expect.poll(() => sources.asked.length, { timeout: 10_000 }).toBeGreaterThan(length);
    await page.getByText('● live').waitFor();
    expect(await page.evaluate('String(getSelection())')).toBe('restarted too often');
  });

  test.each([
    ['light', PHONE],
    ['dark', PHONE],
    ['light', DESKTOP],
    ['dark', DESKTOP],
  ] as const)(
    '%s at %o: nothing stands out at the side, all text can be told from its ground',
    async (colorScheme, viewport) => {
      const page = await open({ colorScheme, viewport });
      const wide = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
      expect(await page.evaluate(wide)).toBe(0);
      expect(await cells(page, 'Agents', 'telegraf')).toContain('● running');
      expect(await page.evaluate(FAINT_TEXTS)).toEqual([]);
      const heading = await page.evaluate(`getComputedStyle(document.querySelector('#agents td'), '::before').content`);
      expect(heading).toBe(viewport === PHONE ? '"State"' : 'none');
    },
  );

  test('a host of which nothing is known yet', async () => {
    const { facts } = sources;
    Object.assign(facts, { agents: [], events: [], samples: [], errors: [], underWay: [] });
    Object.assign(facts.status, { agents: {}, updatesUnderWay: 0 });
    Object.assign(facts.link, { state: 'backing-off', reason: 'refused', certificate: null, plaintext: ['manager'] });
    await server.close();
    server = await StatusServer.listen({
      ...{ address: '127.0.0.1:0', page: html, sources, config: () => statusConfig(), clock, log: new FakeLog() },
    });
    const page = await open();
    for (const text of ['No agents are configured.', 'Nothing has happened yet.', '▲ unencrypted: manager']) {
      expect(await page.getByText(text).isVisible()).toBe(true);
    }
    expect(await page.getByRole('heading', { name: 'Updates under way' }).isVisible()).toBe(false);
    expect(await page.getByRole('img', { name: 'CPU: nothing yet' }).count()).toBe(1);
    expect(faults).toEqual([]);
  });

  test.skipIf(!process.env['UPDATE_SCREENS'])('the picture in docs/', async () => {
    mkdirSync(join(SCREEN, '..'), { recursive: true });
    sources.facts.agents = sources.facts.agents.filter(({ id }) => id !== 'hostile');
    sources.facts.events = sources.facts.events.filter(({ agentId }) => agentId !== 'hostile');
    sources.facts.errors = [];
    sources.facts.samples = sources.facts.samples.map((sample) =>
      sample.collector === 'disk'
        ? { ...sample, values: { disks: (sample.values['disks'] as []).filter((_, index) => index !== 1) } }
        : sample,
    );
    const page = await open({ viewport: { width: 1200, height: 900 }, deviceScaleFactor: 1 });
    await page.screenshot({ path: SCREEN, fullPage: true });
  });
});

/** Texts whose contrast with their ground is below 4.5 : 1 (WCAG 2.1, 1.4.3), as the browser computes both. */
const FAINT_TEXTS = `(() => {
  const parse = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor);
      if (color[3] !== 0) return color;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const faint = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || ['SCRIPT', 'STYLE'].includes(element.tagName)) continue;
    const [a, b] = [parse(getComputedStyle(element).color), ground(element)].map(luminance).sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.push(node.data);
  }
  return faint;
})()`;
