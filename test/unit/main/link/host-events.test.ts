import { expect, test } from 'vitest';
import { alertEvent, lostEvent } from '../../../../src/main/link/host-events.ts';

test('an alert is told when it is raised and when it is cleared', () => {
  const alert = { agentId: 'a', type: 'cpu', currentValue: 90, threshold: 50, timestampMs: 0 } as const;
  expect(alertEvent({ ...alert, state: 'raised' })).toEqual({
    kind: 'alert-raised',
    agentId: 'a',
    message: 'agent a is over its cpu threshold',
    details: { type: 'cpu', current_value: '90', threshold: '50' },
    lastLines: [],
  });
  expect(alertEvent({ ...alert, state: 'cleared' })).toMatchObject({
    kind: 'alert-cleared',
    message: 'agent a is below its cpu threshold again',
  });
});

test('lost reports are one event with the reasons, none where nothing was lost', () => {
  expect(lostEvent({ room: 0, age: 0, unanswered: 0 })).toBeNull();
  expect(lostEvent({ room: 7, age: 0, unanswered: 2 })).toMatchObject({
    kind: 'reports-lost',
    message: 'reports were given up: 7 for want of room, 2 after two lost answers',
    details: { room: '7', age: '0', unanswered: '2' },
  });
});
