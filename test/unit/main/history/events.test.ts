import { describe, expect, test } from 'vitest';
import {
  begunEvent,
  refusedEvent,
  reloadedEvent,
  resultEvent,
  stoppingEvent,
} from '../../../../src/main/history/events.ts';
import type { UpdateResult } from '../../../../src/shared/contracts/update.ts';

const RESULT: UpdateResult = {
  ...{
    id: 'u1',
    number: 1,
    component: 'agent',
    agentId: 'web',
    success: true,
    oldVersion: '1.0.0',
    newVersion: '1.1.0',
  },
  ...{ code: '', error: '', rolledBack: false, atMs: 0 },
};
const failed = { success: false, code: 'D4003', error: 'it does not run' } as const;

describe('an update', () => {
  test.each<[object, string, string, string]>([
    [{}, 'update-done', 'web', 'agent web is version 1.1.0 now'],
    [{ component: 'daemon', agentId: '' }, 'update-done', '', 'the daemon is version 1.1.0 now'],
    [failed, 'update-failed', 'web', 'the update of agent web to 1.1.0 failed: it does not run'],
    [
      { ...failed, rolledBack: true },
      'update-rolled-back',
      'web',
      'the update of agent web to 1.1.0 failed, and was rolled back to 1.0.0: it does not run',
    ],
  ])('%o', (over, kind, agentId, message) => {
    const event = resultEvent({ ...RESULT, ...over });
    expect(event).toMatchObject({ kind, agentId, message });
    expect(event.details).toMatchObject({ id: 'u1', old_version: '1.0.0', new_version: '1.1.0' });
    expect(event.details['code']).toBe('code' in over ? 'D4003' : undefined);
  });

  test('that has begun, from a version that is not known', () => {
    expect(begunEvent({ ...RESULT, oldVersion: '' })).toMatchObject({
      kind: 'update-begun',
      message: 'the update of agent web from an unknown version to 1.1.0 has begun',
    });
  });
});

test('a configuration: what changed and what waits; of problems the first in the message, all in the details', () => {
  expect(reloadedEvent(['a: 1 → 2', 'b: 3 → 4'], ['daemon.workDir'])).toMatchObject({
    message: 'configuration taken over, 2 changes, after a restart: daemon.workDir',
    details: { changes: 'a: 1 → 2\nb: 3 → 4', needs_restart: 'daemon.workDir' },
  });
  expect(refusedEvent('f:1:1: error\n  1 | x\n')).toMatchObject({
    message: 'the changed configuration is not taken over: f:1:1: error',
    details: { problems: 'f:1:1: error\n  1 | x\n' },
  });
});

test('the end of the daemon has its reason', () => {
  expect(stoppingEvent('SIGTERM')).toMatchObject({ kind: 'daemon-stopping', details: { reason: 'SIGTERM' } });
});
