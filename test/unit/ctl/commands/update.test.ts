import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { registerUpdate } from '../../../../src/ctl/commands/update.ts';
import type { UpdateProgress, UpdateResult, UpdateStatus } from '../../../../src/shared/contracts/update.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { FakeDaemon } from '../fake-daemon.ts';
import { agentView } from '../host-views.ts';
import { socketIn } from '../run.ts';

const RESULT: UpdateResult = {
  ...{
    id: 'u1',
    number: 1,
    component: 'agent',
    agentId: 'one',
    success: true,
    oldVersion: '1.0.0',
    newVersion: '1.1.0',
  },
  ...{ code: '', error: '', rolledBack: false, atMs: 0 },
};
const PROGRESS: UpdateProgress = {
  ...{ id: 'u1', component: 'agent', agentId: 'one', oldVersion: '1.0.0', newVersion: '1.1.0' },
  ...{ phase: 'downloading', percent: 42, sinceMs: 0 },
};
const BACKUP = { name: 'agent-one_20260102030405.bak', version: '1.0.0', createdMs: 0, good: true };
const status = (over: Partial<UpdateStatus> = {}): UpdateStatus => ({
  underWay: [],
  results: [],
  refused: [],
  ...over,
});

let folder: string;
let daemon: FakeDaemon;
/** What the daemon answers to each question after its state; the last one stays. `away`: it ends. */
let states: (UpdateStatus | 'away')[];
let begun: 'begun' | 'under-way' | 'done';
let out: string;

/** What was asked for, but for how things stand. */
const asked = (): [string, unknown][] =>
  daemon.asked.flatMap(({ verb, input }) => (/^(updateStatus|agents)$/.test(verb) ? [] : [[verb, input]]));

/** The daemon replaces itself: it is away, and comes back a little later. */
async function restart(): Promise<never> {
  void daemon.goAway().then(() => setTimeout(() => void daemon.comeBack(), 300));
  return new Promise(() => {}); // whoever asks is cut off
}

beforeEach(async () => {
  folder = await testFolder('ctl-update');
  writeFileSync(join(folder, 'package'), 'a package');
  writeFileSync(join(folder, 'package.sig'), 'signed');
  states = [status()];
  begun = 'begun';
  out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text;
    return true;
  });
  const begin = async () => ({ id: 'u1', state: begun, message: 'it has begun' });
  daemon = await FakeDaemon.listen(socketIn(folder), {
    agents: async () => [agentView('one')],
    update: begin,
    rollback: begin,
    backups: async () => [BACKUP],
    updateAcknowledge: async () => ({}),
    updateStatus: async () => {
      const state = states.length > 1 ? states.shift() : states[0];
      return state === 'away' ? restart() : (state ?? status());
    },
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await daemon.goAway();
});

async function daemonctl(...args: string[]): Promise<void> {
  const program = new Command();
  registerUpdate(program);
  await program.parseAsync([...args, '--socket', daemon.path], { from: 'user' });
}
const update = (...more: string[]): Promise<void> =>
  daemonctl('update', 'one', '--file', join(folder, 'package'), '--version', '1.1.0', ...more);

describe('update', () => {
  test('asks, shows how far it is, and ends with the outcome', async () => {
    states = [
      status(),
      status({ underWay: [PROGRESS] }),
      status({ underWay: [PROGRESS, { ...PROGRESS, id: 'u2' }] }),
      status({ underWay: [{ ...PROGRESS, phase: 'proving', percent: null }] }),
      status({ results: [{ ...RESULT, id: 'u0' }, RESULT] }),
    ];
    await update('--allow-downgrade', '--retry');
    expect(asked()).toEqual([
      ['update', expect.objectContaining({ agentId: 'one', version: '1.1.0', allowDowngrade: true, retry: true })],
    ]);
    expect(out).toBe('it has begun\ndownloading 42 %\nproving\none 1.0.0 to 1.1.0: done\n');
  });

  test('a failure is an error', async () => {
    states = [status({ results: [{ ...RESULT, success: false, code: 'D4003', error: 'no good', rolledBack: true }] })];
    await expect(update()).rejects.toThrow('one 1.0.0 to 1.1.0: rolled back to 1.0.0: D4003 no good');
    expect(out).toBe('it has begun\n');
  });

  test('--no-wait ends once it has begun', async () => {
    await update('--no-wait');
    expect(out).toBe('it has begun\n');
  });

  test('one that is in place already', async () => {
    begun = 'done';
    await update();
    expect(out).toBe('it has begun\n');
  });

  test('--json prints one object: the outcome, or the beginning where nobody waits', async () => {
    states = [status({ underWay: [PROGRESS] }), status({ results: [RESULT] })];
    await update('--json');
    expect(JSON.parse(out)).toEqual(RESULT);
    out = '';
    await update('--json', '--no-wait');
    expect(JSON.parse(out)).toEqual({ id: 'u1', state: 'begun', message: 'it has begun' });
  });

  test('a daemon that is away for a moment is waited for', async () => {
    states = [status({ underWay: [PROGRESS] }), 'away', status({ results: [RESULT] })];
    await update();
    expect(out).toBe('it has begun\ndownloading 42 %\none 1.0.0 to 1.1.0: done\n');
  });

  test('a daemon that is not there is not', async () => {
    await daemon.goAway();
    await expect(update()).rejects.toThrow('does the daemon run');
  });
});

describe('rollback', () => {
  test.each<[string[], object]>([
    [['daemon'], { component: 'daemon', agentId: '', backup: '' }],
    [['one', '--to', BACKUP.name], { component: 'agent', agentId: 'one', backup: BACKUP.name }],
  ])('%j', async (args, input) => {
    states = [status({ results: [RESULT] })];
    await daemonctl('rollback', ...args);
    expect(asked()).toEqual([['rollback', input]]);
    expect(out).toContain('one 1.0.0 to 1.1.0: done');
  });
});

test('backups', async () => {
  await daemonctl('backups', 'one');
  expect(asked()).toEqual([['backups', { component: 'agent', agentId: 'one' }]]);
  expect(out).toBe(`${BACKUP.name}  1970-01-01T00:00:00Z  1.0.0\n`);
  out = '';
  await daemonctl('backups', 'daemon', '--json');
  expect(JSON.parse(out)).toEqual([BACKUP]);
});

test('updates', async () => {
  states = [status({ results: [RESULT] })];
  await daemonctl('updates');
  expect(out).toContain('Last results');
  expect(asked()).toEqual([]);
  out = '';
  await daemonctl('updates', '--acknowledge', '--json');
  expect(asked()).toEqual([['updateAcknowledge', {}]]);
  expect(JSON.parse(out)).toEqual(status({ results: [RESULT] }));
});
