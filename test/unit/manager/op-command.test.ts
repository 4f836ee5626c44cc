import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ControlSocket } from '../../../src/manager/control-socket.ts';
import { type OpOptions, operationAsked, registerOp } from '../../../src/manager/op-command.ts';
import { renderFailure, renderResult } from '../../../src/manager/op-text.ts';
import type { Operation, OperationName } from '../../../src/manager/operation.ts';
import { refusedHere } from '../../../src/manager/operation.ts';
import type { OperationOutcome } from '../../../src/shared/contracts/manager-events.ts';
import { testFolder } from '../../support/temp-folder.ts';
import { AGENT } from './fake-daemon.ts';

const OPTIONS: OpOptions = { port: 9090, via: 'auto' };

test.each<[OperationName, string | undefined, Partial<OpOptions>, Operation]>([
  ['list', undefined, {}, { operation: 'list' }],
  ['stop', 'a', {}, { operation: 'stop', agent: 'a' }],
  ['metrics', 'a', { duration: 90_000 }, { operation: 'metrics', agent: 'a', durationSeconds: 90 }],
  ['metrics', 'a', {}, { operation: 'metrics', agent: 'a', durationSeconds: 0 }],
  ['config', undefined, {}, { operation: 'config', agent: '' }],
  ['config', 'a', {}, { operation: 'config', agent: 'a' }],
])('%s %s %j', (name, target, over, operation) => {
  expect(operationAsked(name, target, { ...OPTIONS, ...over })).toEqual(operation);
});

test.each<[OperationName, string | undefined, string]>([
  ['list', 'a', 'list takes no agent'],
  ['restart', undefined, 'restart wants an agent'],
  ['metrics', undefined, 'metrics wants an agent'],
  ['push-update', undefined, 'give the package'],
])('%s %s is refused', (name, target, message) => {
  expect(() => operationAsked(name, target, OPTIONS)).toThrow(message);
});

const outcome = (over: Partial<OperationOutcome>): OperationOutcome => ({
  ...refusedHere(''),
  success: true,
  status: 'OK',
  ...over,
});

test.each<[string, Partial<OperationOutcome>, RegExp]>([
  ['list', { result: [] }, /^no agents$/],
  [
    'list',
    { result: [AGENT] },
    /^AGENT +TYPE.*\nagent-1 +custom +1\.0 +running +4711 +2023-11-14T22:13:20.000Z +2 +-$/,
  ],
  ['list', { result: [{ ...AGENT, version: '', pid: 0 }] }, /\nagent-1 +custom +- +running +- /],
  ['metrics', { result: [] }, /^no data points$/],
  [
    'metrics',
    {
      result: [
        { timestamp: 60, cpu: 1.25, memoryRss: 5, memoryVms: 6, diskReadBytes: 7, diskWriteBytes: 8, openFiles: 9 },
      ],
    },
    /\n1970-01-01T00:01:00.000Z +1\.\d +5 +7 +8 +9$/,
  ],
  ['config', { result: 'a: 1\n' }, /^a: 1$/],
  ['restart', {}, /^done$/],
  ['push-update', { message: 'it has begun' }, /^it has begun$/],
])('%s %j for a person', (operation, over, text) => {
  expect(renderResult(operation, outcome(over))).toMatch(text);
});

test.each<[Partial<OperationOutcome>, string]>([
  [{ status: 'NOT_FOUND', message: 'no such agent' }, 'NOT_FOUND: no such agent'],
  [{ status: 'OK', message: 'it did not start' }, 'it did not start'],
  [{ status: '', message: 'no stream' }, 'no stream'],
  [{ status: 'OK', message: '' }, 'the daemon refused without a word'],
])('a failure: %j', (over, text) => {
  expect(renderFailure(outcome({ success: false, ...over }))).toBe(text);
});

describe('the program', () => {
  /** Its exit code, and what it said; `answer` is the Manager's, `null`: there is none. */
  async function run(args: string[], answer: ((order: unknown) => unknown) | null) {
    const path = join(await testFolder('op'), 'control.sock');
    const orders: unknown[] = [];
    if (answer) {
      const control = new ControlSocket(async (order) => {
        orders.push(order);
        return answer(order);
      });
      await control.listen(path);
      onTestFinished(() => control.close());
    }
    const said: string[] = [];
    let code: number | null = null;
    const program = new Command('manager')
      .enablePositionalOptions()
      .exitOverride()
      .configureOutput({ writeErr: () => {}, outputError: (text) => said.push(text.trim()) });
    registerOp(
      program,
      (ended) => {
        code = ended;
      },
      { print: (text) => said.push(text), complain: (text) => said.push(`! ${text}`) },
    );
    const [verb = '', ...rest] = args;
    // commander throws where it has said what is wrong
    await program.parseAsync([verb, '--control', path, ...rest], { from: 'user' }).catch(() => {});
    return { code, said, orders };
  }

  test('asks as it is told, and shows what came of it', async () => {
    const args = ['op', 'node-1', 'restart', 'a', '--via', 'stream', '--timeout', '1m30s'];
    const { code, said, orders } = await run(args, () => outcome({}));
    expect(orders).toEqual([{ op: 'restart', node: 'node-1', agent: 'a', via: 'stream', timeoutMs: 90_000 }]);
    expect([code, said]).toEqual([0, ['done']]);
  });

  test('--json shows the whole outcome', async () => {
    const whole = outcome({ result: [AGENT] });
    const { code, said } = await run(['op', 'node-1', 'list', '--json'], () => whole);
    expect([code, said.map((text) => JSON.parse(text))]).toEqual([0, [whole]]);
  });

  test.each<[string, string[], OperationOutcome, number, string]>([
    ['failed', ['stop', 'a'], outcome({ success: false, message: 'no' }), 1, '! no'],
    ['no such node', ['list'], refusedHere('never heard of it', true), 3, '! never heard of it'],
  ])('%s', async (_, args, answer, code, said) => {
    expect(await run(['op', 'n', ...args], () => answer)).toMatchObject({ code, said: [said] });
  });

  test('no such Manager', async () => {
    const { code, said } = await run(['op', 'n', 'list'], null);
    expect([code, said]).toEqual([3, [expect.stringContaining('! no Manager serves')]]);
  });

  test('what the Manager objects to', async () => {
    const { code, said } = await run(['op', 'n', 'list'], () => {
      throw new Error('not today');
    });
    expect([code, said]).toEqual([1, ['! not today']]);
  });

  test.each([
    [['n'], "missing required argument 'operation'"],
    [['n', 'explode'], 'Allowed choices are list, start'],
    [['n', 'restart'], 'restart wants an agent'],
    [['n', 'list', '--timeout', 'soon'], 'wants a duration'],
    [['n', 'list', '--via', 'air'], 'Allowed choices are auto, dial, stream'],
  ])('op %j is a wrong command line', async (args, message) => {
    const { code, said, orders } = await run(['op', ...args], () => outcome({}));
    expect([code, orders, said.join()]).toEqual([null, [], expect.stringContaining(message)]);
  });

  test.each([
    [['delete'], true, 0, []],
    [['delete'], false, 3, ['! there is no node n']],
    [['delete', '--json'], true, 0, ['{"event":"deleted","nodeId":"n","existed":true}']],
  ])('op n %j, known: %s', async (args, existed, code, said) => {
    const answer = { event: 'deleted', nodeId: 'n', existed };
    expect(await run(['op', 'n', ...args], () => answer)).toMatchObject({ code, said });
  });

  test.each([
    [[], 'no nodes'],
    [['--json'], '[]'],
  ])('nodes %j', async (args, said) => {
    expect(await run(['nodes', ...args], () => ({ event: 'nodes', nodes: [] }))).toMatchObject({
      code: 0,
      said: [said],
    });
  });
});
