import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HeartbeatIntake } from '../../../../src/main/agents/heartbeat-intake.ts';
import type { Heartbeat } from '../../../../src/main/agents/heartbeats.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { freePort } from '../../../support/free-port.ts';
import { waitFor } from '../../../support/wait-until.ts';

let folder: string;
let log: FakeLog;
let intake: HeartbeatIntake;
let got: [string, number][];

const PIDS: Record<string, number> = { a: 1000, b: 1001, stopped: 0 };
const GROUPS: Record<number, number> = { 4711: 1001 };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'intake-'));
  log = new FakeLog();
  got = [];
  const targets = new Map(
    Object.entries(PIDS).map(([id, pid]) => [
      id,
      { pid: () => pid, note: (heartbeat: Heartbeat) => got.push([id, heartbeat.pid]) },
    ]),
  );
  intake = new HeartbeatIntake({
    workDir: folder,
    log,
    targets: () => targets,
    nowMs: () => 0,
    groupOf: (pid) => GROUPS[pid] ?? null,
  });
});
afterEach(async () => {
  await intake.close();
  rmSync(folder, { recursive: true });
});

const beat = (path: string, pid: number): void => {
  const socket = connect(path, () => socket.end(JSON.stringify({ pid })));
};
const shared = (): string => join(folder, 'heartbeat.sock');
const own = (name = 'b'): string => join(folder, `own/${name}.sock`);

describe('HeartbeatIntake', () => {
  test('a heartbeat counts for the agent whose process, or process group, it comes from', async () => {
    await intake.listen([]);
    beat(shared(), 1000);
    beat(shared(), 4711);
    await waitFor(() => got.length === 2, { what: 'both heartbeats' });
    expect(got.sort()).toEqual([
      ['a', 1000],
      ['b', 4711],
    ]);
  });

  test('one of a strange pid, or on the socket of another agent, is refused', async () => {
    await intake.listen([{ id: 'b', socketPath: own() }]);
    beat(shared(), 99_999);
    beat(own(), 1000);
    await waitFor(() => log.events('heartbeat-refused').length === 2, { what: 'both refusals' });
    expect(
      log
        .events('heartbeat-refused')
        .map(({ reason }) => reason)
        .sort(),
    ).toEqual(['pid 1000 is not of agent b', 'pid 99999 is not of any agent']);
    beat(own(), 1001);
    await waitFor(() => got.length === 1, { what: 'the heartbeat of b' });
    expect(got).toEqual([['b', 1001]]);
  });

  test('agents are told where theirs go', () => {
    expect(intake.environment({ socketPath: '' })).toEqual({ DAEMON_HEARTBEAT_SOCKET: shared() });
    expect(intake.environment({ socketPath: '/x.sock' })).toEqual({ DAEMON_HEARTBEAT_SOCKET: '/x.sock' });
  });

  test('a socket that cannot be made is told, and the others work', async () => {
    writeFileSync(join(folder, 'file'), '');
    await intake.listen([
      { id: 'a', socketPath: join(folder, 'file/a.sock') },
      { id: 'b', socketPath: own() },
    ]);
    expect(log.events('heartbeat-socket')).toMatchObject([{ level: 'error', agentId: 'a' }]);
    beat(own(), 1001);
    await waitFor(() => got.length === 1, { what: 'the heartbeat of b' });
  });

  test('sockets follow the configuration, and go at the end', async () => {
    await intake.listen([{ id: 'b', socketPath: own() }]);
    await intake.update([{ id: 'b', socketPath: own('c') }]);
    expect([existsSync(own()), existsSync(own('c'))]).toEqual([false, true]);
    await intake.update([]);
    expect(existsSync(own('c'))).toBe(false);
    await intake.close();
    expect(existsSync(shared())).toBe(false);
  });

  test('over HTTP they come by agent id, and the pid must be of that agent', async () => {
    const port = await freePort();
    await intake.listen([], port);
    const post = async (body: unknown): Promise<[number, unknown]> => {
      const response = await fetch(`http://127.0.0.1:${port}/heartbeat`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      const { message } = (await response.json()) as { message: string };
      return [response.status, message];
    };
    expect(await post({ agent_id: 'a', pid: 1000, status: 'running', cpu: 1, memory: 2 })).toEqual([200, 'ok']);
    expect(await post({ agent_id: 'b', pid: 4711 })).toEqual([200, 'ok']);
    expect(await post({ agent_id: 'a', pid: 1001 })).toEqual([400, 'pid 1001 is not of agent a']);
    expect(await post({ agent_id: 'nobody', pid: 1000 })).toEqual([400, 'there is no agent nobody']);
    expect(await post({ agent_id: 'stopped', pid: 1000 })).toEqual([400, 'pid 1000 is not of agent stopped']);
    const stats = await (await fetch(`http://127.0.0.1:${port}/heartbeat/stats`)).json();
    const second = new HeartbeatIntake({ workDir: join(folder, 'own'), log, targets: () => new Map(), nowMs: () => 0 });
    mkdirSync(join(folder, 'own'));
    await second.listen([], port); // taken: told, and the sockets work all the same
    expect(log.events('heartbeat-http')).toMatchObject([{ level: 'error', port, err: { code: 'EADDRINUSE' } }]);
    expect(existsSync(join(folder, 'own/heartbeat.sock'))).toBe(true);
    await second.close();
    expect(stats).toEqual({ received: 2, refused: 3, malformed: 0, dropped: 0, agents: { a: 1, b: 1 } });
    await intake.close();
    await expect(fetch(`http://127.0.0.1:${port}/heartbeat/stats`)).rejects.toThrow();
  });
});
