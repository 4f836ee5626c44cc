import { describe, expect, test } from 'vitest';
import { acceptableState, registrationRefusal, reportRefusal } from '../../../src/manager/refusals.ts';
import { AGENT_STATE, REGISTRATION } from '../../support/manager-client.ts';

describe('registration', () => {
  test.each([
    ['nodeId', 50],
    ['hostname', 100],
    ['ip', 50],
    ['os', 50],
    ['arch', 20],
    ['daemonVersion', 20],
    ['agentVersion', 20],
  ] as const)('%s: %i characters fit, one more does not', (name, limit) => {
    expect(registrationRefusal({ ...REGISTRATION, [name]: 'x'.repeat(limit) })).toBeNull();
    expect(registrationRefusal({ ...REGISTRATION, [name]: 'x'.repeat(limit + 1) })).toBe(
      `${name} has more than ${limit} characters`,
    );
  });

  test('characters are counted, not UTF-16 units', () => {
    expect(registrationRefusal({ ...REGISTRATION, arch: '😀'.repeat(20) })).toBeNull();
  });
});

describe('report', () => {
  const metric = (type: string, value: number) => ({ type, timestamp: 1, values: { a: value } });

  test.each([
    ['an empty list', [], 'the list of metrics is empty'],
    ['a type of 20 characters', [metric('x'.repeat(20), 1)], null],
    ['a type of 21 characters', [metric('x'.repeat(21), 1)], `the type ${'x'.repeat(21)} has more than 20 characters`],
    ['NaN in the second entry', [metric('cpu', 1), metric('disk', Number.NaN)], 'disk.a is not a finite number'],
    ['infinity', [metric('cpu', Number.NEGATIVE_INFINITY)], 'cpu.a is not a finite number'],
    ['zero, negative and huge values', [metric('cpu', 0), metric('cpu', -1), metric('cpu', Number.MAX_VALUE)], null],
  ])('%s', (_, metrics, refusal) => {
    expect(reportRefusal(metrics)).toBe(refusal);
  });
});

describe('state', () => {
  test.each([
    ['as it should be', {}, true],
    ['no agent id', { agentId: '' }, false],
    ['a status of 20 characters', { status: 'x'.repeat(20) }, true],
    ['a status of 21 characters', { status: 'x'.repeat(21) }, false],
    ['a type of 51 characters', { type: 'x'.repeat(51) }, false],
    ['a version of 51 characters', { version: 'x'.repeat(51) }, false],
    ['type and version of 50 characters', { type: 'x'.repeat(50), version: 'x'.repeat(50) }, true],
  ])('%s', (_, change, accepted) => {
    expect(acceptableState({ ...AGENT_STATE, ...change })).toBe(accepted);
  });
});
