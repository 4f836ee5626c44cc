import { expect, test } from 'vitest';
import { AGENT_STEPS, type AgentStep, agentStepAfterFailure, DAEMON_STEPS } from '../../../../src/main/update/steps.ts';

const AFTER_FAILURE: Record<AgentStep, AgentStep> = {
  accepted: 'abandoned',
  downloading: 'abandoned',
  verifying: 'abandoned',
  staging: 'abandoned',
  'backing-up': 'abandoned',
  stopping: 'restarting-old',
  switching: 'restoring',
  starting: 'restoring',
  proving: 'restoring',
  committed: 'committed',
  restoring: 'restarting-old',
  'restarting-old': 'rolled-back',
  'rolled-back': 'rolled-back',
  abandoned: 'abandoned',
};

test.each(Object.keys(AGENT_STEPS) as AgentStep[])('after a failure of %s', (step) => {
  expect(agentStepAfterFailure(step)).toBe(AFTER_FAILURE[step]);
});

test.each([
  ['agent', AGENT_STEPS],
  ['daemon', DAEMON_STEPS],
])('of the %s: what is only fetched is abandoned, what is decided only noted', (_, steps) => {
  for (const [name, { phase, resume }] of Object.entries(steps)) {
    if (['accepted', 'downloading', 'verifying', 'staging', 'backing-up'].includes(phase))
      expect(resume).toBe('abandon');
    if (['committed', 'rolled-back', 'abandoned'].includes(name)) expect(resume).toBe('finish');
  }
});
