import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type AuditLog, openAuditLog } from '../../../../src/main/logging/audit-log.ts';
import type { AuditEntry } from '../../../../src/shared/contracts/remote.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { testFolder } from '../../../support/temp-folder.ts';

const ENTRY: AuditEntry = {
  ...{ via: 'port', caller: ['manager.example'], operation: 'OperateAgent', outcome: 'done', status: 0, message: '' },
  ...{ durationMs: 12, agentId: 'one', asked: 'restart' },
};

let path: string;
let log: FakeLog;
beforeEach(async () => {
  path = join(await testFolder('audit'), 'logs/audit.log');
  log = new FakeLog();
});

function open(over: { path?: string; maxBytes?: number; maxFiles?: number } = {}): AuditLog {
  const audit = openAuditLog({ path, maxBytes: 1e6, maxFiles: 2, log, ...over });
  onTestFinished(() => audit.close());
  return audit;
}
const lines = (file = path): unknown[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const told = (level: string): unknown[] => log.events('operation').filter((line) => line.level === level);

describe('the audit log', () => {
  test('is made with the first operation, for its owner and group, and has a JSON line for each', () => {
    const mask = process.umask(0);
    onTestFinished(() => {
      process.umask(mask);
    });
    const audit = open();
    audit.reopen();
    expect(existsSync(dirname(path))).toBe(false);
    audit.write(ENTRY);
    audit.write({ ...ENTRY, operation: 'ListAgents', outcome: 'refused', status: 7, message: 'no' });
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o750);
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(lines()).toEqual([
      { time, ...ENTRY },
      { time, ...ENTRY, operation: 'ListAgents', outcome: 'refused', status: 7, message: 'no' },
    ]);
    expect([told('debug').length, told('info').length]).toEqual([2, 0]);
  });

  test('is rotated by size, and opened anew on request', () => {
    const audit = open({ maxBytes: 400, maxFiles: 1 });
    for (let n = 0; n < 5; n++) audit.write({ ...ENTRY, durationMs: n });
    expect(readdirSync(dirname(path)).sort()).toEqual(['audit.log', 'audit.log.1']);
    expect(lines().at(-1)).toMatchObject({ durationMs: 4 });
    renameSync(path, `${path}.mine`);
    audit.reopen();
    audit.write({ ...ENTRY, durationMs: 5 });
    expect(lines()).toEqual([expect.objectContaining({ durationMs: 5 })]);
  });

  test('`-` is the daemon’s log', () => {
    const audit = open({ path: '-' });
    audit.write(ENTRY);
    audit.reopen();
    const { message: _, ...entry } = ENTRY; // the made-up log has the line's own text there
    expect(told('info')).toMatchObject([entry]);
  });

  test('holds no secret, and stays JSON', () => {
    const audit = open();
    audit.write({ ...ENTRY, message: 'GET https://joe:hunter2@host/x?token=abc "password=\\"quoted\\""' });
    const [line] = lines();
    expect(line).toMatchObject({ message: expect.stringContaining('https://[credentials]@host/x?token=[secret]') });
    expect(JSON.stringify(line)).not.toMatch(/hunter2|abc/);
  });

  test('that cannot be opened fails nothing: its lines go to the daemon’s log, which says so once', () => {
    writeFileSync(dirname(path), 'no folder');
    const audit = open();
    for (let n = 0; n < 3; n++) audit.write(ENTRY);
    expect(log.events('audit-log')).toMatchObject([{ level: 'error', path, err: expect.any(Error) }]);
    expect(told('info')).toHaveLength(3);
    rmSync(dirname(path));
    audit.write(ENTRY);
    audit.write(ENTRY);
    expect(lines()).toHaveLength(2);
    expect(told('info')).toHaveLength(3);
    expect(log.events('audit-log').at(-1)).toMatchObject({ level: 'info' });
  });

  test('that cannot be written any more does the same, and tells itself how many it lacks', () => {
    mkdirSync(dirname(path));
    symlinkSync('/dev/full', path);
    const audit = open();
    audit.write(ENTRY);
    audit.write(ENTRY);
    expect(log.events('audit-log')).toMatchObject([{ level: 'error', path }]);
    expect(told('info')).toHaveLength(2);
    rmSync(path);
    audit.reopen();
    audit.write(ENTRY);
    expect(lines()).toMatchObject([{ event: 'log-lost', lines: 2 }, ENTRY]);
    rmSync(dirname(path), { recursive: true });
    audit.reopen();
    expect(log.events('audit-log').at(-1)).toMatchObject({ level: 'error', err: expect.any(Error) });
    audit.write(ENTRY);
    expect(told('debug')).toHaveLength(2);
  });
});
