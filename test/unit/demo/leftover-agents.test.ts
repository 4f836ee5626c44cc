import { expect, onTestFinished, test } from 'vitest';
import { endAgents, findAgents } from '../../../src/demo/leftover-agents.ts';
import { readStat } from '../../../src/shared/platform/proc.ts';
import { AGENT_STATE } from '../../support/manager-client.ts';
import { Child } from '../../support/processes.ts';
import { waitFor } from '../../support/wait-until.ts';

const STAYS = 'console.log("ready"); setInterval(() => {}, 1e6)';
const STUBBORN = `process.on("SIGTERM", () => {}); ${STAYS}`;

async function start(script: string, env: Record<string, string>): Promise<Child> {
  const child = new Child(['-e', script], { env });
  onTestFinished(() => child.signal('SIGKILL'));
  await waitFor(() => child.stdout.includes('ready'), { what: 'the child' });
  return child;
}

const folder = (): string => `/tmp/folder-${process.pid}-${Math.random()}`;
const marked = (path: string) => ({ DAEMON_AGENT_ID: 'a', DAEMON_AGENT_OWNER: `${path}/work` });
const pids = (found: { pid: number }[]): number[] => found.map(({ pid }) => pid);

test("only processes with the daemon's mark and this folder are found", async () => {
  const path = folder();
  const agent = await start(STAYS, marked(path));
  await start(STAYS, { OTHER: path });
  await start(STAYS, marked(folder()));
  expect(pids(findAgents(path, []))).toEqual([agent.pid]);
});

test('one that the Manager was told of is found by its pid and start time, not by its pid alone', async () => {
  const child = await start(STAYS, {});
  const startTime = Math.floor(Date.now() / 1000);
  const told = { ...AGENT_STATE, pid: child.pid };
  expect(pids(findAgents(folder(), [{ ...told, startTime }]))).toEqual([child.pid]);
  expect(findAgents(folder(), [{ ...told, startTime: startTime - 60 }])).toEqual([]);
  expect(findAgents(folder(), [{ ...told, pid: 0, startTime }])).toEqual([]);
});

test('agents are ended, those too that ignore SIGTERM, and nobody else', async () => {
  const path = folder();
  const [agent, stubborn, stranger] = [
    await start(STAYS, marked(path)),
    await start(STUBBORN, marked(path)),
    await start(STAYS, {}),
  ];
  expect(await endAgents(path, [], 200)).toBe(2);
  expect(await agent.ended()).toEqual({ code: null, signal: 'SIGTERM' });
  expect(await stubborn.ended()).toEqual({ code: null, signal: 'SIGKILL' });
  expect(readStat(stranger.pid)?.state).toMatch(/[RS]/);
});

test('nothing to end', async () => {
  expect(await endAgents(folder(), [])).toBe(0);
});
