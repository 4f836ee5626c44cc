import { describe, expect, test } from 'vitest';
import { takeServiceSettings } from '../../../../src/main/service/settings.ts';

const taken = (environment: NodeJS.ProcessEnv) => takeServiceSettings(environment, 77);

describe('takeServiceSettings', () => {
  test('takes its variables out of the environment, and no others', () => {
    const environment = { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '77', PATH: '/bin' };
    expect(taken(environment)).toEqual({ address: '/run/n', watchdogMs: 30_000 });
    expect(environment).toEqual({ PATH: '/bin' });
  });

  test.each([
    ['nobody wants to hear', {}, null],
    ['only a watchdog without a socket', { WATCHDOG_USEC: '30000000' }, null],
    ['an address of another kind', { NOTIFY_SOCKET: 'vsock:2:1234' }, null],
    ['no address at all', { NOTIFY_SOCKET: '/' }, null],
    ['an abstract one, no watchdog', { NOTIFY_SOCKET: '@n' }, { address: '@n', watchdogMs: 0 }],
    [
      'a watchdog for another process',
      { NOTIFY_SOCKET: '@n', WATCHDOG_USEC: '1', WATCHDOG_PID: '78' },
      { address: '@n', watchdogMs: 0 },
    ],
    ['an interval that is none', { NOTIFY_SOCKET: '@n', WATCHDOG_USEC: '-5' }, { address: '@n', watchdogMs: 0 }],
  ])('%s', (_, environment: NodeJS.ProcessEnv, expected) => {
    expect(taken({ ...environment })).toEqual(expected);
  });
});
