import { beforeEach, expect, test } from 'vitest';
import { LocalOperations } from '../../../../src/main/server/local-operations.ts';
import { Operations } from '../../../../src/main/server/operations.ts';
import type { AuditEntry } from '../../../../src/shared/contracts/remote.ts';
import type { UpdateRequest } from '../../../../src/shared/contracts/update.ts';
import { FakeClock } from '../../../fakes/clock.ts';

const BEGUN = { id: 'u1', state: 'begun', message: '' } as const;
let done: string[];
let audit: AuditEntry[];
let updating: string;
let local: LocalOperations;
let operations: Operations;

beforeEach(() => {
  done = [];
  audit = [];
  updating = '';
  const clock = new FakeClock();
  const act = (what: string, id: string, reason: string): Promise<void> => {
    done.push([what, id, reason].filter(Boolean).join(' '));
    return id === 'bad' ? Promise.reject(new Error('it does not')) : Promise.resolve();
  };
  const agents = {
    list: () => ['a', 'b', 'bad'].map((id) => ({ id }) as never),
    usage: () => [],
    find: () => null,
    startAgent: (id: string) => act('start', id, ''),
    stopAgent: (id: string, reason: string) => act('stop', id, reason),
    restartAgent: (id: string, reason: string) => act('restart', id, reason),
    actOnAll: async (_: unknown, each: (id: string) => Promise<void>) => {
      const ids = ['a', 'bad', 'b'];
      const outcomes = await Promise.allSettled(ids.map(each));
      return outcomes.map((outcome, index) => ({
        agentId: ids[index] ?? '',
        ok: outcome.status === 'fulfilled',
        reason: outcome.status === 'fulfilled' ? '' : (outcome.reason as Error).message,
      }));
    },
  };
  operations = new Operations({
    ...{ nodeIds: () => ['n'], agents, isUpdating: (id: string) => id === updating, clock },
    ...{ effectiveConfig: async () => ({}), downloadDir: () => '/', request: async () => BEGUN },
  });
  const updates = {
    request: (request: UpdateRequest) =>
      request.version === '9' ? Promise.reject(new Error('refused')) : Promise.resolve(BEGUN),
    rollback: async () => BEGUN,
  };
  local = new LocalOperations({ operations, agents, updates, audit: { write: (entry) => audit.push(entry) }, clock });
});
const audited = (): unknown[] =>
  audit.map(({ asked, agentId, outcome, message }) => [asked, agentId, outcome, message]);

test('go through what the Manager’s go through, with their own reason and an audit line', async () => {
  expect(await local.operate('a', 'stop')).toEqual([{ agentId: 'a', success: true, error: '' }]);
  expect(await local.operate('bad', 'restart')).toEqual([{ agentId: 'bad', success: false, error: 'it does not' }]);
  expect(done).toEqual(['stop a asked for on this host', 'restart bad asked for on this host']);
  expect(audited()).toEqual([
    ['stop', 'a', 'done', ''],
    ['restart', 'bad', 'failed', 'it does not'],
  ]);
  expect(audit[0]).toMatchObject({ via: 'control', caller: [], operation: 'OperateAgent', status: 0 });
});

test('that was asked for again is done again, whoever waited for the first', async () => {
  await local.operate('a', 'restart');
  await local.operate('a', 'restart');
  expect(done).toHaveLength(2);
});

test('join one of the Manager’s that is under way', async () => {
  const [one, other] = await Promise.all([
    operations.operateAgent({ agentId: 'a', operation: 'restart' }),
    local.operate('a', 'restart'),
  ]);
  expect(one.success && other[0]?.success).toBe(true);
  expect(done).toEqual(['restart a the Manager asked for it']);
});

test('are refused while an update acts on the agent, and only on that', async () => {
  updating = 'b';
  const outcomes = await local.operate('', 'start');
  expect(outcomes).toEqual([
    { agentId: 'a', success: true, error: '' },
    { agentId: 'bad', success: false, error: 'it does not' },
    { agentId: 'b', success: false, error: 'agent b is being updated: ask again after it' },
  ]);
  expect(done).toEqual(['start a', 'start bad']);
  expect(audit).toHaveLength(3);
});

test('updates and rollbacks are written down too, refused ones as well', async () => {
  const request = { component: 'agent', agentId: 'a', version: '2' } as UpdateRequest;
  expect(await local.update(request)).toBe(BEGUN);
  await expect(local.update({ ...request, version: '9' })).rejects.toThrow('refused');
  await local.rollback('daemon', '', '');
  expect(audit.map(({ operation, agentId, version, outcome }) => [operation, agentId, version, outcome])).toEqual([
    ['PushUpdate', 'a', '2', 'done'],
    ['PushUpdate', 'a', '9', 'failed'],
    ['Rollback', undefined, undefined, 'done'],
  ]);
});
