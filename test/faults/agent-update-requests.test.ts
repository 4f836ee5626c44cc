/**
 * Requests for updates of agents, by the built daemon and a real HTTPS server: those that join, come too late or are
 * to be refused. One daemon has an agent for each test, so that they run side by side.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { ask } from '../../src/ctl/client.ts';
import { type UpdateCommand, updateRequest } from '../../src/ctl/update-request.ts';
import { AgentUpdateHost, releaseKey } from '../support/agent-updates.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-until.ts';

const OLD = '1.0.0';
const NEW = '1.1.0';
const LONG = 90_000;

let shared: Awaited<ReturnType<typeof temporaryFolder>>;
let manager: ManagerProcess;
let host: AgentUpdateHost;
let otherKey: string;
let packages: Server;
const mounts: string[] = [];

/** A small file system of its own; null where none can be had. */
function mounted(name: string): string | null {
  const path = join(shared.path, name);
  mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    return null; // not ours to mount: those tests are left out
  }
  mounts.push(path);
  return path;
}

const HOSTILE = [
  'wrong key',
  'wrong key, no manifest',
  'wrong hash',
  'a bit flipped',
  'truncated',
  'manifest for another agent',
  'expired manifest',
  'http',
  'untrusted host',
  'not there',
] as const;
const idOf = (what: string): string => what.replace(/\W+/g, '-');

beforeAll(async () => {
  shared = await temporaryFolder('agent-update-requests');
  otherKey = releaseKey(shared.path, 'other');
  manager = await ManagerProcess.start();
  host = await AgentUpdateHost.make(releaseKey(shared.path));
  const tls = (name: string): Buffer => readFileSync(join(manager.tlsFolder, name));
  packages = createServer({ cert: tls('server.crt'), key: tls('server.key') }, ({ url = '' }, response) => {
    try {
      response.end(readFileSync(join(host.folder, 'packages', basename(url))));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((listening) => packages.listen(0, '127.0.0.1', listening));
  const agents = [...HOSTILE.map(idOf), 'fetched', 'asks'].map((id) => host.agent(id));
  for (const id of ['read-only', 'full']) {
    const folder = mounted(id);
    if (folder) agents.push(host.agent(id, OLD, { at: join(folder, 'program') }));
    if (folder && id === 'read-only') execFileSync('mount', ['-o', 'remount,ro', folder]);
  }
  await host.configure(agents, {}, manager.port, manager.tlsFolder);
  await host.start();
}, LONG);
afterAll(async () => {
  await host.remove();
  for (const path of mounts) execFileSync('umount', [path]);
  packages.close();
  await manager.stop('SIGKILL');
  await shared.remove();
});

const secure = (file: string, name = '127.0.0.1'): string =>
  `https://${name}:${(packages.address() as AddressInfo).port}/${basename(file)}`;
const signedByUrl = (file: string, url: string): UpdateCommand => ({ url, manifest: `${file}.manifest.json` });
const unlisted = (file: string, sha256?: string): UpdateCommand => ({
  url: secure(file),
  version: NEW,
  sig: `${file}.sig`,
  sha256: sha256 ?? execFileSync('sha256sum', [file]).toString().slice(0, 64),
});

/** What became of it, whether it was refused at once or later; its id is empty where it was refused at once. */
async function end(id: string, command: UpdateCommand): Promise<{ id: string; code: string; error: string }> {
  try {
    return await host.outcome((await ask(host.socket, 'update', await updateRequest(id, command))).id);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return { id: '', code: String(error.code), error: error.message };
  }
}

describe.concurrent('requests', () => {
  test('fetched over HTTPS; the Manager hears of it once', { timeout: LONG }, async ({ expect }) => {
    const pid = await host.running('fetched', OLD);
    const file = host.release('fetched', NEW);
    const command = signedByUrl(file, secure(file));
    const { id } = await ask(host.socket, 'update', await updateRequest('fetched', command));
    expect(await host.outcome(id)).toMatchObject({
      success: true,
      oldVersion: OLD,
      newVersion: NEW,
      rolledBack: false,
    });
    expect(await host.running('fetched', NEW)).not.toBe(pid);
    const mine = (): number =>
      manager.eventsNamed('happened').flatMap(({ updates }) => updates.filter(({ updateId }) => updateId === id))
        .length;
    await waitFor(() => mine() === 1, { what: 'the Manager to hear of it' });
    await host.clean('fetched', id);
    expect(mine()).toBe(1);
  });

  test('twice at once, another meanwhile, again, no good, acknowledged, lower', { timeout: LONG }, async ({
    expect,
  }) => {
    const id = 'asks';
    await host.running(id, OLD);
    const good = host.release(id, NEW);
    const both = await Promise.all([host.request(id, good), host.request(id, good)]);
    expect(both.map(({ state }) => state).sort()).toEqual(['begun', 'under-way']);
    expect(both[0]?.id).toBe(both[1]?.id);
    await expect(host.request(id, host.release(id, '1.2.0'))).rejects.toMatchObject({
      code: 'D4003',
      message: expect.stringContaining(`to ${NEW} is under way`),
    });
    expect(await host.outcome(both[0]?.id ?? '')).toMatchObject({ success: true });
    expect(await host.request(id, good)).toMatchObject({ id: '', state: 'done' });

    const bad = host.release(id, '1.3.0', 'exits late');
    expect(await host.update(id, bad)).toMatchObject({ success: false, rolledBack: true });
    await expect(host.request(id, bad)).rejects.toMatchObject({
      code: 'D4003',
      message: expect.stringMatching(/version 1\.3\.0 was rolled back on .*did not stay/),
    });
    const known = async (): Promise<unknown> => (await host.status()).refused.find(({ agentId }) => agentId === id);
    expect(await known()).toMatchObject({ version: '1.3.0', acknowledged: false });
    await ask(host.socket, 'updateAcknowledge', {});
    expect(await known()).toMatchObject({ version: '1.3.0', acknowledged: true });
    const mended = host.release(id, '1.3.0');
    expect(await host.update(id, mended, { retry: true })).toMatchObject({ success: true, newVersion: '1.3.0' });
    expect(await known()).toBeUndefined();

    const lower = host.release(id, '1.2.0');
    await expect(host.request(id, lower)).rejects.toMatchObject({
      code: 'D4002',
      message: expect.stringContaining('(check: version)'),
    });
    expect(await host.update(id, lower, { allowDowngrade: true })).toMatchObject({ success: true });
    const signed = host.package(id, '1.1.5', host.program('1.1.5'), { allowDowngrade: true });
    expect(await host.update(id, signed)).toMatchObject({ success: true, oldVersion: '1.2.0', newVersion: '1.1.5' });
    await host.running(id, '1.1.5');
    await host.clean(id, 'of others');
  });

  const hostile: Record<(typeof HOSTILE)[number], (id: string) => [UpdateCommand, code: string, says: string]> = {
    'wrong key': (id) => {
      const file = host.package(id, NEW, host.program(NEW), { key: otherKey });
      return [signedByUrl(file, secure(file)), 'D4002', '(check: signature)'];
    },
    'wrong key, no manifest': (id) => {
      return [unlisted(host.package(id, NEW, host.program(NEW), { key: otherKey })), 'D4002', '(check: signature)'];
    },
    'wrong hash': (id) => [unlisted(host.release(id, NEW), '0'.repeat(64)), 'D4002', '(check: hash)'],
    'a bit flipped': (id) => {
      const file = host.release(id, NEW);
      const bytes = readFileSync(file);
      bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
      writeFileSync(file, bytes);
      return [signedByUrl(file, secure(file)), 'D4002', '(check: hash)'];
    },
    truncated: (id) => {
      const file = host.release(id, NEW);
      writeFileSync(file, readFileSync(file).subarray(0, 100));
      return [signedByUrl(file, secure(file)), 'D4002', '(check: size)'];
    },
    'manifest for another agent': (id) => {
      const file = host.package(id, NEW, host.program(NEW), { agent: 'somebody-else' });
      return [signedByUrl(file, secure(file)), 'D4002', '(check: component)'];
    },
    'expired manifest': (id) => {
      const file = host.package(id, NEW, host.program(NEW), { expiresMs: Date.now() - 3_600_000 });
      return [signedByUrl(file, secure(file)), 'D4002', '(check: expiry)'];
    },
    http: (id) => {
      const file = host.release(id, NEW);
      return [signedByUrl(file, secure(file).replace('https', 'http')), 'D4002', '(check: source)'];
    },
    'untrusted host': (id) => {
      const file = host.release(id, NEW);
      return [signedByUrl(file, secure(file, 'localhost')), 'D4002', '(check: source)'];
    },
    'not there': (id) => {
      const file = host.release(id, NEW);
      return [signedByUrl(file, secure('nothing')), 'D4001', '404'];
    },
  };
  test.for(HOSTILE)('%s: refused, and the agent never notices', { timeout: LONG }, async (what, { expect }) => {
    const id = idOf(what);
    const pid = await host.running(id, OLD);
    const [command, code, says] = hostile[what](id);
    const result = await end(id, command);
    expect(result).toMatchObject({ code, error: expect.stringContaining(says) });
    expect(host.inPlace(id)).toBe(OLD);
    expect(await host.running(id, OLD)).toBe(pid);
    await waitFor(async () => (await host.status()).underWay.every(({ agentId }) => agentId !== id), {
      what: 'its end',
    });
    await host.clean(id, result.id || 'never begun');
  });

  test.for([
    ['read-only', /EROFS|read-only/],
    ['full', /has no room/],
  ] as const)('a folder that is %s: refused', { timeout: LONG }, async ([id, says], { expect, skip }) => {
    if (!mounts.some((path) => basename(path) === id)) skip('nothing can be mounted here');
    const pid = await host.running(id, OLD);
    const result = await host.update(id, host.release(id, NEW));
    expect(result).toMatchObject({ success: false, code: 'D4003', rolledBack: false });
    expect(result.error).toMatch(says);
    expect(host.inPlace(id)).toBe(OLD);
    expect(await host.running(id, OLD)).toBe(pid);
    await host.clean(id, result.id);
  });
});
