/** What daemonctl shows of one agent beside its state: what it used, and its own configuration. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { testFolder } from '../../support/temp-folder.ts';
import { FakeDaemon, Refusal } from './fake-daemon.ts';
import { hostHandlers } from './host-views.ts';
import { type BuiltProgram, buildProgram, type Run, socketIn } from './run.ts';

let program: BuiltProgram;
let daemon: FakeDaemon;

beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());
beforeEach(async () => {
  daemon = await FakeDaemon.listen(socketIn(await testFolder('agent-verbs')), hostHandlers());
});
afterEach(() => daemon.goAway());

const ctl = (...args: string[]): Promise<Run> => program.run([...args, '--socket', daemon.path]);
const look = (minute: number, cpu: number) => ({
  ...{ timestamp: Date.UTC(2026, 0, 2, 3, minute) / 1000, cpu, memoryRss: 3 * 1024 ** 2, memoryVms: 0 },
  ...{ diskReadBytes: 0, diskWriteBytes: 2048, openFiles: 12 },
});

test('metrics AGENT: a look a line', async () => {
  const asked: unknown[] = [];
  daemon.handlers.usage = async (input) => {
    asked.push(input);
    return [look(4, 0), look(5, 12.34)];
  };
  expect(await ctl('metrics', 'telegraf')).toEqual({
    code: 0,
    err: '',
    out: `TIME                     CPU  MEMORY  READ  WRITTEN  FILES
2026-01-02T03:04:00Z   0.0 %   3 MiB   0 B    2 KiB     12
2026-01-02T03:05:00Z  12.3 %   3 MiB   0 B    2 KiB     12
`,
  });
  expect(JSON.parse((await ctl('metrics', 'telegraf', '--last', '5', '--json')).out)).toEqual([
    look(4, 0),
    look(5, 12.34),
  ]);
  expect(asked).toEqual([
    { agentId: 'telegraf', seconds: 3600 },
    { agentId: 'telegraf', seconds: 300 },
  ]);
  daemon.handlers.usage = async () => [];
  expect((await ctl('metrics', 'telegraf')).out).toBe('Nothing was measured in that time.\n');
});

test('config show AGENT: its file, or why there is none', async () => {
  daemon.handlers.agentConfig = async () => ({ text: 'inputs:\n  - a\n' });
  expect(await ctl('config', 'show', 'telegraf')).toEqual({ code: 0, err: '', out: 'inputs:\n  - a\n' });
  expect(JSON.parse((await ctl('config', 'show', 'telegraf', '--json')).out)).toEqual({ text: 'inputs:\n  - a\n' });
  daemon.handlers.agentConfig = () => Promise.reject(new Refusal('invalid', 'agent telegraf has no config_file'));
  expect(await ctl('config', 'show', 'telegraf')).toMatchObject({
    code: 5,
    err: expect.stringContaining('config_file'),
  });
});

test.each([
  [['metrics', 'nobody'], 4, 'there are'],
  [['config', 'show', 'nobody'], 4, 'there are'],
  [['metrics', '--last', '5'], 2, '--last is for an agent'],
  [['metrics', 'telegraf', '--last', '61'], 2, '--last wants a number from 1 to 60'],
  [['metrics', 'telegraf', '--fresh'], 2, '--fresh is for the host'],
  [['config', 'show', 'telegraf', '--origins'], 2, '--origins is for'],
])('%j', async (args, code, says) => {
  expect(await ctl(...args)).toMatchObject({ code, out: '', err: expect.stringContaining(says) });
});
