import { describe, expect, test } from 'vitest';
import { eventsInput, freshInput, logsInput, operateInput } from '../../../../src/main/control/inputs.ts';

describe('what is left out has a default', () => {
  test.each<[(input: object) => object, object, object]>([
    [operateInput, { action: 'stop' }, { agentId: '', action: 'stop' }],
    [logsInput, { agentId: 'a' }, { agentId: 'a', lines: 100, cursor: '' }],
    [eventsInput, {}, { after: 0, limit: 1000, waitMs: 0 }],
    [freshInput, {}, { agentId: '', fresh: false }],
  ])('%o: %j', (check, input, whole) => {
    expect(check(input)).toEqual(whole);
    expect(check(whole)).toEqual(whole);
  });
});

describe('refused', () => {
  test.each<[(input: object) => object, object, string]>([
    [operateInput, {}, 'action is none of start, stop, restart'],
    [operateInput, { action: 'kill' }, 'action is none of'],
    [operateInput, { action: ['stop'] }, 'action is none of'],
    [operateInput, { action: 'stop', agentId: 7 }, 'agentId is not a text'],
    [logsInput, { lines: 0 }, 'lines is not a whole number from 1 to 10000'],
    [logsInput, { lines: 10_001 }, 'lines is not'],
    [logsInput, { lines: 1.5 }, 'lines is not'],
    [logsInput, { lines: '5' }, 'lines is not'],
    [logsInput, { lines: Number.NaN }, 'lines is not'],
    [logsInput, { cursor: {} }, 'cursor is not a text'],
    [eventsInput, { after: -1 }, 'after is not a whole number from 0'],
    [eventsInput, { after: 2 ** 60 }, 'after is not'],
    [eventsInput, { limit: 1001 }, 'limit is not a whole number from 1 to 1000'],
    [eventsInput, { waitMs: 30_001 }, 'waitMs is not a whole number from 0 to 30000'],
    [freshInput, { fresh: 'yes' }, 'fresh is not true or false'],
  ])('%o: %j', (check, input, message) => {
    let refusal: unknown;
    try {
      check(input);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({ code: 'invalid', message: expect.stringContaining(message) });
  });
});
