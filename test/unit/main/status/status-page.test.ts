import { beforeEach, describe, expect, test } from 'vitest';
import { StatusPage } from '../../../../src/main/status/status-page.ts';
import type { StatusServer } from '../../../../src/main/status/status-server.ts';
import type { Config } from '../../../../src/shared/config/schema.ts';
import type { Sample } from '../../../../src/shared/contracts/metrics.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { fakeSources, statusConfig } from '../../../fakes/status-sources.ts';

let clock: FakeClock;
let log: FakeLog;
let config: Config;
/** What became of the servers, in order. */
let happened: string[];
let taken: Set<string>;
let page: StatusPage;

const listenOn = (address: string): void => {
  config = statusConfig(`status: {listen: "${address}"}\n`);
};

beforeEach(() => {
  clock = new FakeClock();
  log = new FakeLog();
  config = statusConfig();
  happened = [];
  taken = new Set();
  page = new StatusPage({
    sources: fakeSources(0),
    config: () => config,
    clock,
    after: (ms, _, run) => clock.after(ms, run),
    log,
    open: async ({ address }) => {
      happened.push(`open ${address}`);
      if (taken.has(address)) throw new Error('EADDRINUSE');
      return {
        address,
        samples: (samples: readonly Sample[]) => void happened.push(`samples ${samples.length}`),
        close: async () => void happened.push(`close ${address}`),
      } as unknown as StatusServer;
    },
  });
});

describe('StatusPage', () => {
  test('off: nothing is opened, and samples go nowhere', async () => {
    await page.apply();
    page.samples([]);
    await page.close();
    expect(happened).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  test('goes where the configuration says, and stays where that is the same', async () => {
    listenOn('127.0.0.1:9092');
    await page.apply();
    await page.apply();
    page.samples([]);
    listenOn('[::1]:9093');
    await page.apply();
    listenOn('');
    await page.apply();
    page.samples([]);
    expect(happened).toEqual([
      'open 127.0.0.1:9092',
      'samples 0',
      'close 127.0.0.1:9092',
      'open [::1]:9093',
      'close [::1]:9093',
    ]);
  });

  test('an address that is taken is told once, and tried again until it is free', async () => {
    taken.add('127.0.0.1:9092');
    listenOn('127.0.0.1:9092');
    await page.apply();
    await clock.advance(30_000);
    expect(happened).toHaveLength(4);
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    taken.clear();
    await clock.advance(10_000);
    expect(log.lines.at(-1)).toMatchObject({ level: 'info', event: 'status-page', address: '127.0.0.1:9092' });
    await clock.advance(60_000);
    expect(happened).toHaveLength(5);
  });

  test('a new address puts an end to trying the old one', async () => {
    taken.add('127.0.0.1:9092');
    listenOn('127.0.0.1:9092');
    await page.apply();
    listenOn('127.0.0.1:9093');
    await page.apply();
    await clock.advance(60_000);
    expect(happened).toEqual(['open 127.0.0.1:9092', 'open 127.0.0.1:9093']);
  });

  test('after the end nothing is opened any more, whatever was under way', async () => {
    listenOn('127.0.0.1:9092');
    const applied = page.apply();
    const closed = page.close();
    await Promise.all([applied, closed, page.apply()]);
    expect(happened.filter((what) => what.startsWith('open')).length).toBe(
      happened.filter((what) => what.startsWith('close')).length,
    );
    expect(clock.timers).toBe(0);
  });
});
