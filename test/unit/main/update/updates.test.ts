import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { renderJournal } from '../../../../src/main/update/journal-format.ts';
import { NO_OUTCOMES } from '../../../../src/main/update/outcomes.ts';
import type { Updater } from '../../../../src/main/update/updater.ts';
import { isUnfinished, Updates, type UpdatesOptions } from '../../../../src/main/update/updates.ts';
import { daemonJournal } from '../../../fakes/daemon-journal.ts';
import { testFolder } from '../../../support/temp-folder.ts';

let folder: string;
let calls: string[];
/** What the next updater's `resume` throws. */
let fault: Error | null;
let loadFault: Error | null;

beforeEach(async () => {
  folder = join(await testFolder(), 'updates');
  calls = [];
  fault = null;
  loadFault = null;
});

/** Notes what it is asked; stands for the bundle that is loaded late. */
class FakeUpdater {
  async resume(): Promise<void> {
    calls.push('resume');
    if (fault) throw fault;
  }
  async request(): Promise<object> {
    calls.push('request');
    return { id: '1', state: 'begun', message: '' };
  }
  async rollback(component: string, agentId: string, name: string): Promise<object> {
    calls.push(`rollback ${component} ${agentId} ${name}`);
    return { id: '2', state: 'begun', message: '' };
  }
  async backups(): Promise<object[]> {
    return [{ path: '/backups/daemon_1.bak', version: '1.0.0', createdMs: 1, good: true, sha256: 'x' }];
  }
  status(): object {
    return { underWay: [], results: [], refused: [] };
  }
  async acknowledge(): Promise<void> {
    calls.push('acknowledge');
  }
  undelivered(): object[] {
    return [{ number: 3 }];
  }
  async delivered(number: number): Promise<void> {
    calls.push(`delivered ${number}`);
  }
  async close(): Promise<void> {
    calls.push('close');
  }
}

function make(): Updates {
  const load = async (): Promise<{ Updater: typeof Updater }> => {
    calls.push('load');
    if (loadFault) throw loadFault;
    return { Updater: FakeUpdater as unknown as typeof Updater };
  };
  return new Updates({ folder, load } as unknown as UpdatesOptions);
}

const outcomes = (over: object): string => `${JSON.stringify({ ...NO_OUTCOMES, ...over }, null, 1)}\n`;

function have(name: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), text);
}

describe('at the start', () => {
  test.each<[string, () => void]>([
    ['no folder', () => {}],
    ['nothing in it', () => mkdirSync(folder, { recursive: true })],
    ['results that the Manager knows', () => have('outcomes.json', outcomes({ delivered: 4, last: 4 }))],
    ['a log, and journals that were set aside', () => have('daemon.json.unreadable-1', '{')],
  ])('the updater is not loaded with %s', async (_, arrange) => {
    arrange();
    const updates = make();
    await updates.start();
    expect(calls).toEqual([]);
    expect(updates.undelivered()).toEqual([]);
    await updates.delivered(3);
    await updates.close();
    expect(calls).toEqual([]);
  });

  test.each<[string, () => void]>([
    ["a journal of the daemon's", () => have('daemon.json', renderJournal(daemonJournal()))],
    ['a journal that nobody can read, which is the updater’s to set aside', () => have('agent-a.json', '{')],
    ['a result that the Manager does not know', () => have('outcomes.json', outcomes({ delivered: 3, last: 4 }))],
    ['outcomes that nobody can read', () => have('outcomes.json', '{')],
  ])('it is loaded with %s', async (_, arrange) => {
    arrange();
    const updates = make();
    await updates.start();
    expect(calls).toEqual(['load', 'resume']);
    expect(updates.undelivered()).toEqual([{ number: 3 }]);
  });

  test('what else is wrong with the folder is thrown', async () => {
    writeFileSync(folder, 'a file');
    await expect(make().start()).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});

describe('what is asked', () => {
  test('loads it once, and goes to it', async () => {
    const updates = make();
    const request = {} as Parameters<Updates['request']>[0];
    await Promise.all([updates.request(request), updates.status(), updates.acknowledge()]);
    await updates.rollback('daemon', '', 'daemon_1.bak');
    await updates.delivered(7);
    expect(calls.filter((call) => call === 'load')).toHaveLength(1);
    expect(calls).toEqual(
      expect.arrayContaining(['request', 'acknowledge', 'rollback daemon  daemon_1.bak', 'delivered 7']),
    );
    expect(await updates.status()).toEqual({ underWay: [], results: [], refused: [] });
    expect(await updates.backups('daemon', '')).toEqual([
      { name: 'daemon_1.bak', version: '1.0.0', createdMs: 1, good: true },
    ]);
    await updates.close();
    expect(calls.at(-1)).toBe('close');
  });

  test('is tried anew after it could not be loaded', async () => {
    const updates = make();
    loadFault = new Error('no such bundle');
    await expect(updates.status()).rejects.toThrow('no such bundle');
    loadFault = null;
    await updates.status();
    expect(calls).toEqual(['load', 'load', 'resume']);
  });

  test('leaves no updater behind that could not take up what was left', async () => {
    const updates = make();
    fault = new Error('read-only');
    await expect(updates.status()).rejects.toThrow('read-only');
    expect(calls).toEqual(['load', 'resume', 'close']);
    expect(updates.undelivered()).toEqual([]);
  });

  test('is refused once the daemon ends', async () => {
    const updates = make();
    await updates.close();
    await expect(updates.status()).rejects.toThrow('the daemon is ending');
    expect(calls).toEqual([]);
  });

  test('a load that failed keeps nobody from ending', async () => {
    const updates = make();
    loadFault = new Error('no such bundle');
    const asked = updates.status();
    await updates.close();
    await expect(asked).rejects.toThrow('no such bundle');
  });
});

test('the real updater is loaded by default, and leaves an empty host as it is', async () => {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const clock = { wallMs: () => 0, nowMs: () => 0, after: () => () => {} };
  const config = (): object => ({ update: { downloadDir: join(folder, 'downloads') } });
  const updates = new Updates({ folder, clock, log, config } as unknown as UpdatesOptions);
  expect(await updates.status()).toEqual({ underWay: [], results: [], refused: [] });
  expect(readdirSync(folder)).toEqual([]);
  await updates.close();
});

test.each<[string, string[], string, boolean]>([
  ['nothing', [], '', false],
  ['a journal of the daemon', ['daemon.json'], '', true],
  ['a journal of an agent', ['agent-a.b.json'], '', true],
  ['other files', ['handover.log', 'outcomes.json', '.daemon.json.1.tmp', 'agent-.json'], '', false],
  ['a result to deliver', [], outcomes({ delivered: 0, last: 1 }), true],
  ['all delivered', [], outcomes({ delivered: 1, last: 1 }), false],
  [
    'a text that looks like the number',
    [],
    outcomes({ delivered: 2, last: 2, results: [{ error: '"delivered": 9' }] }),
    false,
  ],
])('unfinished with %s', (_, names, text, expected) => {
  expect(isUnfinished(names, text)).toBe(expected);
});
