import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AgentRecord, NEW_RECORD } from '../../../../src/main/agents/instance-state.ts';
import { AgentStore } from '../../../../src/main/agents/store.ts';
import { parseTable, renderTable } from '../../../../src/main/agents/store-versions.ts';

const RECORD: AgentRecord = {
  ...NEW_RECORD,
  status: 'running',
  process: { pid: 77, startTicks: 123_456, bootId: 'b-1' },
  startedAtMs: 5,
  restarts: 2,
  lastExit: { code: null, signal: 'SIGKILL', atMs: 4 },
};

let folder: string;
let path: string;
let errors: unknown[];
let store: AgentStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'store-'));
  path = join(folder, 'agents.json');
  errors = [];
  store = new AgentStore(path, (error) => errors.push(error));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('AgentStore', () => {
  test('gives back what was saved', async () => {
    store.save(() => new Map([['a', RECORD]]));
    await store.flush();
    expect(await store.load(0)).toEqual({ agents: new Map([['a', RECORD]]), setAside: null });
    expect(readdirSync(folder)).toEqual(['agents.json']);
  });

  test('of many tables in a row the last one stays', async () => {
    let made = 0;
    for (let restarts = 0; restarts <= 50; restarts++) {
      store.save(() => {
        made++;
        return new Map([['a', { ...RECORD, restarts }]]);
      });
    }
    await store.flush();
    expect((await store.load(0)).agents.get('a')?.restarts).toBe(50);
    expect(made).toBe(2);
  });

  test('no file is an empty table', async () => {
    expect(await store.load(0)).toEqual({ agents: new Map(), setAside: null });
  });

  test('a torn file is set aside, never overwritten', async () => {
    const torn = renderTable(new Map([['a', RECORD]])).slice(0, 60);
    writeFileSync(path, torn);
    const loaded = await store.load(1234);
    expect(loaded.agents.size).toBe(0);
    expect(loaded.setAside?.path).toBe(`${path}.unreadable-1234`);
    expect(readFileSync(`${path}.unreadable-1234`, 'utf8')).toBe(torn);
  });

  test('a table that cannot be written is told, and the next one is tried', async () => {
    const nowhere = new AgentStore(join(folder, 'absent/agents.json'), (error) => errors.push(error));
    nowhere.save(() => new Map());
    await nowhere.flush();
    expect(errors).toMatchObject([{ code: 'ENOENT' }]);
  });
});

describe('parseTable', () => {
  test.each([1, 2])('reads format %d for ever', (format) => {
    const golden = readFileSync(new URL(`../../../golden/stores/agents-${format}.json`, import.meta.url), 'utf8');
    const wanted = format === 1 ? 'running' : 'stopped';
    expect(parseTable(golden)).toEqual(
      new Map([['filebeat-logs', { ...RECORD, wanted, attempts: 1, lastRestartMs: 3 }]]),
    );
  });

  test('the present format has a golden file', () => {
    expect(JSON.parse(renderTable(new Map())).format).toBe(2);
  });

  test.each([
    ['[]', 'not a table'],
    ['null', 'not a table'],
    ['{"format":3,"agents":{}}', 'format 3'],
    ['{"format":1,"agents":null}', 'not a mapping'],
    ['{"format":1,"agents":{"a":{}}}', 'agent a'],
    ['{"format":2,"agents":{"a":3}}', 'agent a'],
    [renderTable(new Map([['a', RECORD]])).replace('77', '1'), 'agent a'],
    [renderTable(new Map([['a', RECORD]])).replace('"running"', '"odd"'), 'agent a'],
  ])('refuses %s', (text, reason) => {
    expect(() => parseTable(text)).toThrow(reason);
  });
});
