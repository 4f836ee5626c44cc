/**
 * Updates of agents by the built daemon: versions that are no good, agents that were not well before, what a package
 * may be, and the way back by hand. One daemon has an agent for each test, so that they run side by side.
 */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { ask } from '../../src/ctl/client.ts';
import { AgentUpdateHost, type Kind, releaseKey } from '../support/agent-updates.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-until.ts';

const OLD = '1.0.0';
const NEW = '1.1.0';
const LONG = 90_000;

let shared: Awaited<ReturnType<typeof temporaryFolder>>;
let manager: ManagerProcess;
let host: AgentUpdateHost;
/** Whether an agent's HTTP check passes; it does where nothing is said. */
const well = new Map<string, () => boolean>();
let health: Server;

const NO_GOOD: Record<string, { kind: Kind; says: RegExp }> = {
  'exits-once': { kind: 'exits at once', says: /did not (stay|prove itself within 8 s)/ },
  'exits-late': { kind: 'exits late', says: /did not stay/ },
  'http-bad': { kind: 'good', says: /did not prove itself within 8 s: it is starting: http check: / },
};
const REFUSED = ['no-version', 'other-version', 'other-arch', 'no-arch', 'no-interpreter', 'plain-text', 'hangs'];

beforeAll(async () => {
  shared = await temporaryFolder('agent-updates');
  manager = await ManagerProcess.start();
  host = await AgentUpdateHost.make(releaseKey(shared.path));
  health = createServer(({ url = '' }, response) => {
    response.writeHead((well.get(url.slice(1)) ?? (() => true))() ? 200 : 503).end();
  });
  await new Promise<void>((listening) => health.listen(0, '127.0.0.1', listening));
  const { port } = health.address() as AddressInfo;
  const asked = (id: string): Record<string, unknown> => ({
    health_check: { http_endpoint: `http://127.0.0.1:${port}/${id}`, failures: 100, interval: '1s' },
  });
  const agents = [
    ...[...REFUSED, 'exits-once', 'exits-late', 'tar', 'back'].map((id) => host.agent(id)),
    ...['http-bad', 'ill', 'never-well', 'keeps'].map((id) => host.agent(id, OLD, asked(id))),
    host.agent('disabled', OLD, { enabled: false }),
    host.agent('failed', OLD, { restart: { max_retries: 0 } }),
    host.agent('linked', OLD, { binary_path: join(host.folder, 'bin/link') }),
  ];
  symlinkSync('linked', join(host.folder, 'bin/link'));
  if (process.getuid?.() === 0) chownSync(host.target('linked'), 1234, 2345);
  chmodSync(host.target('linked'), 0o755);
  writeFileSync(host.target('failed'), host.program(OLD, 'exits at once'));
  well.set('never-well', () => false);
  well.set('http-bad', () => host.inPlace('http-bad') === OLD);
  await host.configure(agents, { max_backups: 2, verify_timeout: '8s' }, manager.port, manager.tlsFolder);
  await host.start();
}, LONG);
afterAll(async () => {
  await host.remove();
  health.close();
  await manager.stop('SIGKILL');
  await shared.remove();
});

describe.concurrent('a version that is no good', () => {
  test.for(Object.keys(NO_GOOD))('%s: the old one is put back and runs', { timeout: LONG }, async (id, { expect }) => {
    const { kind = 'good', says = '' } = NO_GOOD[id] ?? {};
    await host.running(id, OLD);
    const result = await host.update(id, host.release(id, NEW, kind));
    expect(result).toMatchObject({ success: false, code: 'D4003', rolledBack: true, oldVersion: OLD, newVersion: NEW });
    expect(result.error).toMatch(says);
    expect(host.inPlace(id)).toBe(OLD);
    await host.running(id, OLD);
    await host.clean(id, result.id);
    const told = await manager.event('happened', ({ updates }) =>
      updates.some(({ updateId }) => updateId === result.id),
    );
    expect(told.updates.find(({ updateId }) => updateId === result.id)).toMatchObject({
      rolledBack: true,
      agentId: id,
    });
  });

  /** An ELF program for another machine: its header says so. */
  function elf(machine: number): Buffer {
    const bytes = readFileSync('/bin/sleep');
    bytes.writeUInt16LE(machine, 18);
    return bytes;
  }
  const contents: Record<string, () => [content: string | Buffer, check: string]> = {
    'no-version': () => [host.program(NEW, 'good', 'nothing to say'), 'program'],
    'other-version': () => [host.program(NEW, 'good', 'version 1.1.1'), 'version'],
    'other-arch': () => [elf(process.arch === 'arm64' ? 62 : 183), 'arch'],
    'no-arch': () => [elf(9), 'program'],
    'no-interpreter': () => [`#!/nowhere/sh\n${host.program(NEW)}`, 'program'],
    'plain-text': () => ['this is no program\n', 'archive'],
    hangs: () => [`#!/bin/sh\nexec sleep 600\n`, 'program'],
  };
  test.for(REFUSED)('%s: refused before anything is touched', { timeout: LONG }, async (id, { expect }) => {
    const pid = await host.running(id, OLD);
    const [content, check] = contents[id]?.() ?? ['', ''];
    const result = await host.update(id, host.package(id, NEW, content));
    expect(result).toMatchObject({ success: false, code: 'D4002', rolledBack: false });
    expect(result.error).toContain(`(check: ${check})`);
    expect(host.inPlace(id)).toBe(OLD);
    expect(await host.running(id, OLD)).toBe(pid);
    await host.clean(id, result.id);
  });
});

describe.concurrent('an agent that was not well before', () => {
  test('one whose check failed: a good version that fails it too stays', { timeout: LONG }, async ({ expect }) => {
    await host.running('ill', OLD);
    well.set('ill', () => false);
    const result = await host.update('ill', host.release('ill', NEW));
    expect(result).toMatchObject({ success: true, error: '' });
    expect(host.inPlace('ill')).toBe(NEW);
    well.set('ill', () => true);
    await host.running('ill', NEW);
  });

  test('one that never counted as started', { timeout: LONG }, async ({ expect }) => {
    await waitFor(() => host.pids('never-well').length === 1, { what: 'its process' });
    expect(await host.update('never-well', host.release('never-well', NEW))).toMatchObject({ success: true });
    expect(host.inPlace('never-well')).toBe(NEW);
  });

  test('one that was stopped stays stopped; its program is replaced', { timeout: LONG }, async ({ expect }) => {
    const result = await host.update('disabled', host.release('disabled', NEW));
    expect(result).toMatchObject({ success: true, oldVersion: OLD });
    expect(host.inPlace('disabled')).toBe(NEW);
    expect(host.pids('disabled')).toEqual([]);
    expect(host.record('disabled')).toMatchObject({ status: 'stopped', reason: 'disabled in the configuration' });
    await host.clean('disabled', result.id);
  });

  test('one that failed is started with the version that mends it', { timeout: LONG }, async ({ expect }) => {
    await waitFor(() => host.record('failed')?.status === 'failed', { what: 'its failure' });
    expect(await host.update('failed', host.release('failed', NEW))).toMatchObject({ success: true });
    await host.running('failed', NEW);
  });
});

describe.concurrent('packages', () => {
  test('tar.gz with the program in bin/', { timeout: LONG }, async ({ expect }) => {
    await host.running('tar', OLD);
    const folder = join(host.folder, 'packages/root');
    mkdirSync(join(folder, 'bin'), { recursive: true });
    writeFileSync(join(folder, 'bin/tar'), host.program(NEW), { mode: 0o755 });
    writeFileSync(join(folder, 'README'), 'nothing\n');
    const archive = execFileSync('tar', ['-cz', '-C', join(host.folder, 'packages'), 'root']);
    const result = await host.update('tar', host.package('tar', NEW, archive));
    expect(result).toMatchObject({ success: true });
    expect(readFileSync(host.target('tar'), 'utf8')).toBe(host.program(NEW));
    await host.running('tar', NEW);
    await host.clean('tar', result.id);
  });

  test('a link stays: what it leads to is replaced, with its mode and owner', { timeout: LONG }, async ({ expect }) => {
    await host.running('linked', OLD);
    const before = statSync(host.target('linked'));
    const result = await host.update('linked', host.release('linked', NEW));
    expect(result).toMatchObject({ success: true });
    expect(readlinkSync(join(host.folder, 'bin/link'))).toBe('linked');
    expect(lstatSync(host.target('linked')).isFile()).toBe(true);
    const { mode, uid, gid, ino } = statSync(host.target('linked'));
    expect({ mode, uid, gid }).toEqual({ mode: before.mode, uid: before.uid, gid: before.gid });
    expect(ino).not.toBe(before.ino);
    await host.running('linked', NEW);
    await host.clean('linked', result.id);
  });
});

describe.concurrent('the way back by hand', () => {
  const backups = (id: string): Promise<{ name: string; version: string; good: boolean }[]> =>
    ask(host.socket, 'backups', { component: 'agent', agentId: id });
  const rollback = async (id: string, backup: string): Promise<object> =>
    host.outcome((await ask(host.socket, 'rollback', { component: 'agent', agentId: id, backup })).id);

  test('to a named backup, and not to one that was changed', { timeout: LONG }, async ({ expect }) => {
    const id = 'back';
    await host.running(id, OLD);
    for (const version of [NEW, '1.2.0']) await host.update(id, host.release(id, version));
    const [first, second] = await backups(id);
    expect([first, second].map((each) => each?.version)).toEqual([OLD, NEW]);
    expect(await rollback(id, first?.name ?? '')).toMatchObject({
      success: true,
      oldVersion: '1.2.0',
      newVersion: OLD,
    });
    const pid = await host.running(id, OLD);
    await host.clean(id, 'of others');
    expect((await backups(id)).map(({ version }) => version)).toEqual([NEW, '1.2.0']);

    appendFileSync(join(host.backups, second?.name ?? ''), '# changed\n');
    await expect(rollback(id, second?.name ?? '')).rejects.toMatchObject({ code: 'D4004' });
    await expect(rollback(id, 'nobody.bak')).rejects.toMatchObject({
      code: 'D4004',
      message: expect.stringContaining(second?.name ?? '?'),
    });
    expect(await host.running(id, OLD)).toBe(pid);
  });

  test('the newest good one stays, however many are kept', { timeout: LONG }, async ({ expect }) => {
    const id = 'keeps';
    await host.running(id, OLD);
    expect(await host.update(id, host.release(id, NEW))).toMatchObject({ success: true });
    await host.running(id, NEW);
    well.set(id, () => false);
    for (const version of ['1.2.0', '1.3.0']) {
      expect(await host.update(id, host.release(id, version))).toMatchObject({ success: true });
    }
    await host.clean(id, 'of others');
    expect((await backups(id)).map(({ version, good }) => `${version} ${good}`)).toEqual([
      `${OLD} true`,
      `${NEW} false`,
      '1.2.0 false',
    ]);
  });
});
