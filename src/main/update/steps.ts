/**
 * The steps of an update, in the order in which they are journalled, each before it is taken, and what the next start
 * does with an update that it finds at one of them. Pure data: the tests of crashes go by these tables, so that a new
 * step cannot be left out.
 */
import type { UpdatePhase } from '../../shared/contracts/update.ts';

/**
 * abandon: nothing was changed yet, what was fetched is removed.
 * undo: something may have been changed, what was there before is put back.
 * go-on: the new version is in place and is to prove itself.
 * finish: it is decided, only the outcome is to be noted.
 */
export type Resumption = 'abandon' | 'undo' | 'go-on' | 'finish';

export interface StepFacts {
  phase: UpdatePhase;
  resume: Resumption;
}

const FETCHING = {
  accepted: { phase: 'accepted', resume: 'abandon' },
  downloading: { phase: 'downloading', resume: 'abandon' },
  verifying: { phase: 'verifying', resume: 'abandon' },
  /** The package is put beside what it replaces, and run once. */
  staging: { phase: 'staging', resume: 'abandon' },
  'backing-up': { phase: 'backing-up', resume: 'abandon' },
} as const satisfies Record<string, StepFacts>;

export const AGENT_STEPS = {
  ...FETCHING,
  stopping: { phase: 'applying', resume: 'undo' },
  switching: { phase: 'applying', resume: 'undo' },
  starting: { phase: 'applying', resume: 'go-on' },
  proving: { phase: 'proving', resume: 'go-on' },
  committed: { phase: 'proving', resume: 'finish' },
  restoring: { phase: 'rolling-back', resume: 'undo' },
  'restarting-old': { phase: 'rolling-back', resume: 'undo' },
  /** The old version is what there is, and runs if it ran before. */
  'rolled-back': { phase: 'rolling-back', resume: 'finish' },
  /** Nothing was changed. */
  abandoned: { phase: 'rolling-back', resume: 'finish' },
} as const satisfies Record<string, StepFacts>;
export type AgentStep = keyof typeof AGENT_STEPS;

/** Where an agent's update goes on when a step of it failed, or was cut short and is not to be gone on with. */
export function agentStepAfterFailure(step: AgentStep): AgentStep {
  switch (step) {
    case 'stopping':
      return 'restarting-old';
    case 'switching':
    case 'starting':
    case 'proving':
      return 'restoring';
    case 'restoring':
      return 'restarting-old'; // what is in place then is what there is to run
    case 'restarting-old':
      return 'rolled-back';
    default:
      return AGENT_STEPS[step].resume === 'finish' ? step : 'abandoned';
  }
}

/** From `watching` on the hand-over helper takes the steps, and whoever finds it gone starts another one. */
export const DAEMON_STEPS = {
  ...FETCHING,
  'handing-over': { phase: 'applying', resume: 'abandon' },
  watching: { phase: 'applying', resume: 'abandon' },
  switching: { phase: 'applying', resume: 'go-on' },
  restarting: { phase: 'applying', resume: 'go-on' },
  proving: { phase: 'proving', resume: 'go-on' },
  committed: { phase: 'proving', resume: 'finish' },
  'switching-back': { phase: 'rolling-back', resume: 'go-on' },
  'restarting-old': { phase: 'rolling-back', resume: 'go-on' },
  'rolled-back': { phase: 'rolling-back', resume: 'finish' },
  abandoned: { phase: 'rolling-back', resume: 'finish' },
} as const satisfies Record<string, StepFacts>;
export type DaemonStep = keyof typeof DAEMON_STEPS;

/** The outcome is known, only to be noted. */
export function isDecided({ step }: { step: DaemonStep }): boolean {
  return DAEMON_STEPS[step].resume === 'finish';
}

/** Whether a helper takes the step, or is about to: those before are the daemon's. */
export function isHelpers({ step }: { step: DaemonStep }): boolean {
  return DAEMON_STEPS[step].resume === 'go-on' || step === 'handing-over' || step === 'watching';
}
