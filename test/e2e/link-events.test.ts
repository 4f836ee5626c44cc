/** What happens on a host reaches the Manager once, whichever way it goes and whatever is away meanwhile. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { HappenedEvent, ReportedEvent } from '../../src/shared/contracts/manager-events.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { waitFor } from '../support/wait-until.ts';
import { type Linked, linked, registrations } from './link-host.ts';

const KIND = 'agent-exited';

function exits(manager: ManagerProcess): (ReportedEvent & Pick<HappenedEvent, 'via'>)[] {
  return manager
    .eventsNamed('happened')
    .flatMap(({ via, events }) => events.filter(({ kind }) => kind === KIND).map((event) => ({ via, ...event })));
}

/** Runs until its file is there, says two lines, ends with 7 and is left alone. */
async function withEndingAgent({ host, configure }: Linked): Promise<string> {
  const end = join(host.folder, 'end');
  const script = 'until [ -f "$1" ]; do sleep 0.05; done; echo disk is full; echo giving up >&2; exit 7';
  const agent = {
    ...{ id: 'one', type: 'custom', binary_path: '/bin/sh', args: ['-c', script, 'one', end] },
    ...{ health_check: { heartbeat_timeout: 0 }, restart: { no_restart_exit_codes: [7] } },
  };
  await configure({ agents: [agent] });
  return end;
}

test.concurrent.for([
  ['stream', true],
  ['sync', false],
] as const)('an agent that exits is told over %s, with code and last lines, once', async ([via, stream], context) => {
  const link = await linked(context, { stream });
  const { host, manager } = link;
  const end = await withEndingAgent(link);
  host.start();
  await manager.event('states', ({ states }) => states[0]?.status === 'running');
  if (stream) await manager.event('stream', ({ state }) => state === 'opened');
  else await host.logged('heartbeat');
  writeFileSync(end, '');
  await waitFor(() => exits(manager).length > 0, { what: 'the event' });
  await manager.event('states', ({ states }) => states[0]?.status === 'failed' || states[0]?.status === 'stopped');
  // it would come again with the next states, or on the next connection
  await manager.fault({ fault: 'drop' });
  await registrations(manager, 2);
  const again = manager.events.findLastIndex(({ event }) => event === 'registered');
  const followed = (): boolean => manager.events.slice(again).some(({ event }) => event === 'states');
  await waitFor(followed, { what: 'the states that follow' }); // they may be there already
  expect(exits(manager)).toEqual([
    expect.objectContaining({
      ...{ via, agentId: 'one', details: expect.objectContaining({ exit_code: '7' }) },
      ...{ lastLines: ['disk is full', 'giving up'], message: expect.stringContaining('with code 7') },
    }),
  ]);
  // others of the host may be on their way still: its connection has only just come back
  await waitFor(async () => (await host.link()).events === 0, { what: 'all of them taken' });
});

test.concurrent('one of while the Manager is away outlives a SIGKILL of the daemon', async (context) => {
  const link = await linked(context);
  const { host, manager, proxy } = link;
  const end = await withEndingAgent(link);
  const daemon = host.start();
  await manager.event('states', ({ states }) => states[0]?.status === 'running');
  proxy.set({ refusing: true });
  proxy.drop();
  writeFileSync(end, '');
  await host.logged('agent-exited');
  const folder = join(host.workDir, 'events');
  const onDisk = (): boolean => readdirSync(folder).some((name) => readFileSync(join(folder, name)).includes(KIND));
  await waitFor(onDisk, { what: 'the event on disk' });
  await daemon.kill('SIGKILL');
  host.start();
  await host.logged('link-state', ({ state }) => state === 'backing-off', host.log().length);
  expect((await host.link()).events).toBeGreaterThan(0);
  expect(exits(manager)).toEqual([]);
  proxy.pass();
  await waitFor(() => exits(manager).length > 0, { what: 'the event' });
  await waitFor(async () => (await host.link()).events === 0, { what: 'all of them taken' });
  expect(exits(manager)).toMatchObject([{ agentId: 'one', details: { exit_code: '7' } }]);
});

test.concurrent('what waited for a connection comes once, over the stream where there is one', async (context) => {
  const link = await linked(context);
  const { host, manager, proxy } = link;
  const end = await withEndingAgent(link);
  host.start();
  await manager.event('states', ({ states }) => states[0]?.status === 'running');
  proxy.set({ refusing: true });
  proxy.drop();
  writeFileSync(end, '');
  await host.logged('agent-exited');
  proxy.pass();
  await waitFor(() => exits(manager).length > 0, { what: 'the event' });
  await waitFor(async () => (await host.link()).events === 0, { what: 'all of them taken' });
  expect(exits(manager).map(({ via }) => via)).toEqual(['stream']);
});
