/** A network that goes silent, is slow, cuts and detours, and Managers that say goodbye or are away. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { managerOrder } from '../../src/main/link/manager-order.ts';
import { TestHost } from '../support/daemon-process.ts';
import { freePort } from '../support/free-port.ts';
import { httpProxy } from '../support/http-proxy.ts';
import { createTwoWayCertificates, ManagerProcess } from '../support/manager-process.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-until.ts';
import { delivered, doubles, linked, RARELY, registrations } from './link-host.ts';

const beats = (manager: ManagerProcess): number => manager.eventsNamed('heartbeat').length;

async function moreBeats(manager: ManagerProcess, count: number): Promise<void> {
  const before = beats(manager);
  await waitFor(() => beats(manager) >= before + count, { what: `${count} heartbeats`, timeoutMs: 20_000 });
}

const TIMES = 50;
const WARM_UP = 5;

const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
const rssKib = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

test.concurrent(`a Manager that is started anew ${TIMES} times is registered with each time, and nothing piles up`, async ({
  onTestFinished,
}) => {
  const tls = await temporaryFolder('tls');
  onTestFinished(() => tls.remove());
  const tlsFolder = tls.path;
  await createTwoWayCertificates(tlsFolder);
  const port = await freePort();
  const host = await TestHost.make();
  onTestFinished(() => host.remove());
  // growth is looked for in what is there: nothing of it is to be given back meanwhile
  await host.configure(port, tlsFolder, { daemon: host.daemonSection({ footprint: 'off' }), collectors: RARELY });
  const { pid } = host.start();
  let before = { descriptors: 0, rssKib: 0 };
  for (let time = 1; time <= TIMES + WARM_UP; time++) {
    const manager = await ManagerProcess.start({ tlsFolder, port });
    try {
      await manager.event('registered', ({ accepted }) => accepted);
      await manager.event('heartbeat', ({ accepted }) => accepted);
      if (time === 1) await manager.event('report');
      if (time === WARM_UP) before = { descriptors: descriptors(pid), rssKib: rssKib(pid) };
      if (time < TIMES + WARM_UP) continue;
      // with a session going, as then
      await waitFor(() => descriptors(pid) <= before.descriptors, { what: `${before.descriptors} descriptors` });
      await waitFor(() => rssKib(pid) <= 1.3 * before.rssKib, { what: `about ${before.rssKib} KiB` });
      expect(await host.link()).toMatchObject({ state: 'connected' });
    } finally {
      await manager.stop('SIGKILL');
    }
  }
  expect(host.log().filter(({ event }) => event === 'registered')).toHaveLength(TIMES + WARM_UP);
  expect(host.log().filter(({ level }) => level === 'error')).toEqual([]);
}, 120_000);

test.concurrent('a connection that went silent is found by the heartbeat that has no answer', async (context) => {
  const { host, manager, proxy, configure } = await linked(context);
  await configure({ manager: { timeout: '1s' } });
  host.start();
  await moreBeats(manager, 2);
  proxy.set({ frozen: true });
  const line = await host.logged('link-state', ({ state }) => state === 'backing-off');
  expect(line).toMatchObject({ level: 'warn', code: 'D2003' });
  proxy.pass();
  await registrations(manager, 2);
  await moreBeats(manager, 2);
  expect((await host.link()).state).toBe('connected');
  // what was collected meanwhile has followed; an answer may have been lost in the silence
  await waitFor(async () => (await host.link()).reports.waiting === 0, { what: 'an empty queue' });
  expect(doubles(delivered(manager))).toBeLessThanOrEqual(2);
}, 60_000);

test.concurrent('a slow link is a link', async (context) => {
  const { host, manager, proxy, warnings } = await linked(context);
  proxy.set({ delayMs: 200, bytesPerSecond: 8000 });
  host.start();
  await manager.event('heartbeat', undefined, 20_000);
  await moreBeats(manager, 2);
  await waitFor(() => delivered(manager).length >= 3, { what: 'three reports' });
  expect(manager.eventsNamed('registered')).toHaveLength(1);
  expect(doubles(delivered(manager))).toBe(0);
  expect(warnings()).toEqual([]);
}, 60_000);

test.concurrent.for([
  ['in the handshake', { cutAfterBytes: 1000 }, false],
  ['while registered', { cutAfterBytes: 8000 }, true],
  ['in an answer', { cutAnswerAfterBytes: 3500 }, false],
] as const)(
  'connections that are cut %s: told once, tried again, well afterwards',
  async ([, fault, serves], context) => {
    const { host, manager, proxy, warnings } = await linked(context);
    proxy.set(fault);
    host.start();
    await waitFor(() => proxy.accepted >= 3, { what: 'three connections', timeoutMs: 20_000 });
    if (serves) await registrations(manager, 2);
    proxy.pass();
    // the last of them may have registered already, and be the one that lasts
    const isUp = async (): Promise<boolean> => (await host.link()).state === 'connected';
    await waitFor(isUp, { what: 'the link', timeoutMs: 20_000 });
    await moreBeats(manager, 2);
    await waitFor(async () => (await host.link()).reports.waiting === 0, { what: 'an empty queue' });
    const told = warnings().filter(({ event }) => event === 'link-state');
    expect(told.length).toBeGreaterThan(0);
    if (!serves) expect(told.length).toBeLessThan(3);
    expect(told.every(({ code }) => code === 'D2001' || code === 'D2002' || code === 'D2003')).toBe(true);
    const all = delivered(manager);
    expect(Math.max(...all.map((entry) => all.filter((other) => other === entry).length))).toBeLessThanOrEqual(2);
  },
);

test.concurrent('a planned goodbye costs no call and no line of the log', async (context) => {
  const { host, manager, warnings } = await linked(context);
  host.start();
  await moreBeats(manager, 1);
  const started = host.log().length;
  for (let round = 1; round <= 4; round++) {
    await waitFor(() => delivered(manager).length >= round, { what: 'reports' });
    await manager.fault({ fault: 'goaway' });
    await registrations(manager, round + 1);
    await moreBeats(manager, 1);
  }
  await waitFor(() => delivered(manager).length >= 5, { what: 'reports' });
  const loud = host
    .log()
    .slice(started)
    .filter(({ level }) => level !== 'debug');
  expect(loud.map(({ event, msg }) => `${event}: ${msg}`)).toEqual([]);
  expect(warnings()).toEqual([]);
  expect(doubles(delivered(manager))).toBe(0);
  expect(manager.eventsNamed('registered')).toHaveLength(5);
}, 60_000);

test.concurrent('of several Managers one that is there is found, and the next one when it goes', async (context) => {
  const { host, manager, configure } = await linked(context);
  const other = await freePort();
  const addresses = [`127.0.0.1:${other}`, `127.0.0.1:${manager.port}`];
  const ids = Array.from({ length: 50 }, (_, n) => `node-${n}`);
  const id = ids.find((candidate) => managerOrder(addresses, candidate)[0] === addresses[0]) ?? '';
  await configure({ daemon: { id }, manager: { address: addresses } });
  host.start();
  await moreBeats(manager, 1);
  expect(await host.link()).toMatchObject({ state: 'connected', address: addresses[1], nodeId: id });
  const second = await ManagerProcess.start({ tlsFolder: manager.tlsFolder, port: other });
  context.onTestFinished(async () => void (await second.stop('SIGKILL')));
  await moreBeats(manager, 1); // the one that serves is kept
  expect(second.eventsNamed('registered')).toEqual([]);
  await manager.child.kill('SIGKILL');
  await second.event('registered', undefined, 20_000);
  await second.event('report', undefined, 20_000);
  expect(await host.link()).toMatchObject({ state: 'connected', address: addresses[0] });
}, 60_000);

const PASSWORD = 'proxy-password';

test.concurrent('through an HTTP proxy, whose refusal is told as such', async (context) => {
  const { host, manager, proxy, configure, warnings } = await linked(context);
  const way = await httpProxy(`host:${PASSWORD}`);
  context.onTestFinished(() => way.close());
  await configure({ manager: { proxy: `http://host:wrong-${PASSWORD}@127.0.0.1:${way.port}` } });
  const daemon = host.start();
  const line = await host.logged('link-state', ({ state }) => state === 'backing-off');
  expect(line['reason']).toContain(`the proxy at 127.0.0.1:${way.port} wants other credentials (check: proxy)`);
  await configure({ manager: { proxy: `http://host:${PASSWORD}@127.0.0.1:${way.port}` } });
  daemon.signal('SIGHUP');
  await moreBeats(manager, 2);
  expect(way.asked.at(-1)).toBe(`CONNECT 127.0.0.1:${proxy.port} HTTP/1.1`);
  expect(manager.eventsNamed('registered')).toHaveLength(1);
  expect(warnings().length).toBeGreaterThan(0);
  expect(JSON.stringify(host.log())).not.toContain(PASSWORD);
  expect(await host.ctl('link')).not.toContain(PASSWORD);
}, 60_000);
