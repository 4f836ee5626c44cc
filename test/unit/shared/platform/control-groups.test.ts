import { describe, expect, test } from 'vitest';
import { groupLimits, ownService } from '../../../../src/shared/platform/control-groups.ts';
import { NO_LIMITS } from '../../../fakes/agent-config.ts';

describe('ownService', () => {
  test.each([
    ['a unit of the system', '0::/system.slice/daemon.service\n', 'daemon.service', false, ''],
    [
      'a unit of a user',
      '0::/user.slice/user-1000.slice/user@1000.service/app.slice/d.service\n',
      ...(['d.service', true, '/user.slice/user-1000.slice/user@1000.service'] as const),
    ],
    ['v1 beside v2', '4:memory:/x.service\n0::/system.slice/d.service\n', 'd.service', false, ''],
  ] as const)('%s', (_, cgroup, unit, user, managerPath) => {
    expect(ownService(cgroup)).toEqual({ unit, user, managerPath });
  });

  test.each([
    ['a login', '0::/user.slice/user-1000.slice/session-3.scope\n'],
    ['a user’s manager itself', '0::/user.slice/user-1000.slice/user@1000.service/init.scope\n'],
    ['a container', '0::/\n'],
    ['v1 only', '1:name=systemd:/system.slice/d.service\n'],
    ['nothing', ''],
  ])('%s: none', (_, cgroup) => {
    expect(ownService(cgroup)).toBeNull();
  });
});

test('groupLimits names the keys as the configuration has them', () => {
  const all = { ...NO_LIMITS, memoryBytes: 1000, memoryHighBytes: 900, cpuPercent: 150, tasks: 7 };
  expect(groupLimits(all)).toEqual(['memory', 'memory_high', 'cpu', 'tasks']);
  const others = { ...NO_LIMITS, openFiles: 5, coreBytes: 0 };
  expect(groupLimits(others)).toEqual([]);
});
