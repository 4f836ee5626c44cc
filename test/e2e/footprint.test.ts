/** The built daemon gives its memory back and goes on with its job; figures are those of bench/. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask } from '../../src/ctl/client.ts';
import { CONTROL_SOCKET } from '../../src/shared/contracts/control.ts';
import { TestHost } from '../support/daemon-process.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { waitFor } from '../support/wait-until.ts';

const ADDON = join(import.meta.dirname, '../../dist/give-back.node');

let host: TestHost;
let manager: ManagerProcess;

beforeEach(async () => {
  host = await TestHost.make();
  manager = await ManagerProcess.start();
});
afterEach(async () => {
  await host.remove();
  await manager.stop('SIGKILL');
});

/** Resident pages of files, and those of nobody else, in kB. */
const ofFiles = (pid: number): number =>
  Number(/^RssFile:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
const anonymous = (pid: number): number =>
  Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
const logged = (): string => readFileSync(host.logFile, 'utf8');
const watchesWrites = (pid: number): boolean =>
  readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === 'anon_inode:[userfaultfd]';
    } catch {
      return false; // closed meanwhile
    }
  });

describe.skipIf(process.platform !== 'linux' || !existsSync(ADDON))('footprint', () => {
  test('full: most pages of the program go, and heartbeats and reports go on', async () => {
    await host.configure(manager.port, manager.tlsFolder, { daemon: host.daemonSection({ footprint: 'full' }) });
    const daemon = host.start();
    await manager.event('registered');
    const atStart = ofFiles(daemon.pid);
    await waitFor(() => ofFiles(daemon.pid) < atStart / 2, { what: 'pages given back', timeoutMs: 20_000 });
    const line = logged()
      .split('\n')
      .find((text) => text.includes('withoutFaultAround'));
    const { native, mappings, withoutFaultAround } = JSON.parse(line ?? '{}');
    expect({ native, found: mappings > 0 }).toEqual({ native: 'addon', found: true });
    // an old kernel, or seccomp, says no: both are as they should be
    if (withoutFaultAround > 0) expect(withoutFaultAround).toBe(mappings);
    expect(watchesWrites(daemon.pid)).toBe(withoutFaultAround > 0);
    const [beats, reports] = [manager.eventsNamed('heartbeat').length, manager.eventsNamed('report').length];
    await waitFor(
      () => manager.eventsNamed('heartbeat').length > beats + 2 && manager.eventsNamed('report').length > reports + 2,
      { what: 'heartbeats and reports after it', timeoutMs: 20_000 },
    );
    expect(await daemon.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(logged()).not.toContain('pages of files are not given back');
  });

  test('what a reload of the configuration loads is let go again', async () => {
    await host.configure(manager.port, manager.tlsFolder);
    const daemon = host.start();
    await manager.event('registered');
    const reload = async (times: number): Promise<void> => {
      for (let n = 0; n < times; n++) await ask(join(host.workDir, CONTROL_SOCKET), 'reload', {});
    };
    await reload(10); // what is loaded once is there after it
    const beforeKb = anonymous(daemon.pid);
    await reload(60); // each loads 0.5 MB: a collection later little of it is left
    const isLow = (): boolean => anonymous(daemon.pid) < beforeKb + 60 * 200;
    expect(await waitFor(isLow, { what: 'the memory of the reloads to be free', timeoutMs: 30_000 })).toBe(true);
  }, 60_000);

  test.each(['basic', 'off'])('%s: no page is given back, nothing is watched', async (footprint) => {
    await host.configure(manager.port, manager.tlsFolder, { daemon: host.daemonSection({ footprint }) });
    const daemon = host.start();
    const atStart = await manager.event('registered').then(() => ofFiles(daemon.pid));
    await waitFor(() => manager.eventsNamed('report').length >= 3, { what: 'three reports', timeoutMs: 20_000 });
    expect(ofFiles(daemon.pid)).toBeGreaterThan(atStart * 0.9);
    expect(watchesWrites(daemon.pid)).toBe(false);
    expect(logged()).not.toContain('withoutFaultAround');
  });
});
