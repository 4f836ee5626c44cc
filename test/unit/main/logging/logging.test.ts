import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loggedError, openLog } from '../../../../src/main/logging/logger.ts';
import { RotatingFile } from '../../../../src/main/logging/rotating-file.ts';
import { DaemonError } from '../../../../src/shared/errors/daemon-error.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-'));
  path = join(folder, 'logs/daemon.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('RotatingFile', () => {
  test('rotates by size within the process and keeps so many', () => {
    const file = new RotatingFile({ path, maxBytes: 100, maxFiles: 2 });
    for (let i = 0; i < 10; i++) file.write(`${String(i).repeat(59)}\n`);
    file.close();
    expect(readdirSync(join(folder, 'logs')).sort()).toEqual(['daemon.log', 'daemon.log.1', 'daemon.log.2']);
    expect(['', '.1', '.2'].map((end) => readFileSync(path + end, 'utf8')[0])).toEqual(['9', '8', '7']);
  });

  test('goes on with a file that is there', () => {
    for (let i = 0; i < 2; i++) {
      const file = new RotatingFile({ path, maxBytes: 100, maxFiles: 1 });
      file.write(`${'x'.repeat(59)}\n`);
      file.close();
    }
    expect(readFileSync(`${path}.1`, 'utf8')).toHaveLength(60);
  });

  test('with no file kept, starts over', () => {
    const file = new RotatingFile({ path, maxBytes: 100, maxFiles: 0 });
    for (let i = 0; i < 3; i++) file.write(`${String(i).repeat(59)}\n`);
    file.close();
    expect(readdirSync(join(folder, 'logs'))).toEqual(['daemon.log']);
    expect(readFileSync(path, 'utf8')[0]).toBe('2');
  });

  test('reopen follows a rotation from outside', () => {
    const file = new RotatingFile({ path, maxBytes: 1e6, maxFiles: 1 });
    file.write('one\n');
    renameSync(path, `${path}.old`);
    file.write('two\n');
    file.reopen();
    file.write('three\n');
    file.close();
    expect(readFileSync(`${path}.old`, 'utf8')).toBe('one\ntwo\n');
    expect(readFileSync(path, 'utf8')).toBe('three\n');
  });

  test('lines that could not be written are counted in the next that can', () => {
    const file = new RotatingFile({ path, maxBytes: 40, maxFiles: 1 });
    file.write(`${'a'.repeat(30)}\n`);
    // the rotation cannot rename onto a folder
    rmSync(join(folder, 'logs'), { recursive: true });
    writeFileSync(join(folder, 'logs'), '');
    file.write(`${'b'.repeat(30)}\n`);
    file.write(`${'c'.repeat(30)}\n`);
    rmSync(join(folder, 'logs'));
    const again = new RotatingFile({ path, maxBytes: 1e6, maxFiles: 1 });
    again.close();
    file.write('d\n');
    file.close();
    expect(readFileSync(path, 'utf8')).toBe('{"level":50,"event":"log-lost","lines":2}\nd\n');
  });
});

describe('openLog', () => {
  test('one JSON line an event, with level, time and the chain of causes; secrets taken out', () => {
    const daemonLog = openLog({ logFile: path, logLevel: 'info', logMaxBytes: 1e6, logMaxFiles: 1 });
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    daemonLog.log.debug({ event: 'quiet' }, 'not shown');
    const fields = { event: 'x', err: new DaemonError('D2001', 'no link', { cause }), token: 'abc', tokens: 3 };
    daemonLog.log.warn(fields, 'DB_PASSWORD=hunter2 Authorization: Bearer abc');
    daemonLog.close();
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    const line: unknown = JSON.parse(lines[0] ?? '');
    expect(line).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      event: 'x',
      err: { message: 'no link', code: 'D2001', cause: { message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' } },
      token: '[secret]',
      tokens: '[secret]',
      msg: 'DB_PASSWORD=[secret] Authorization: [secret]',
    });
  });

  test('a fault keeps its stack, an expected error does not', () => {
    expect(loggedError(new TypeError('x')).stack).toContain('TypeError: x');
    expect(loggedError(new DaemonError('internal', 'x')).stack).toContain('x');
    expect(loggedError(new DaemonError('D3001', 'x'))).toEqual({ message: 'x', code: 'D3001' });
    expect(loggedError('text')).toEqual({ message: 'text' });
  });
});
