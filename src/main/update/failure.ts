/** What a failed step, or one that was cut short, makes of an update, and what is told of its end. Pure. */
import type { UpdateResult } from '../../shared/contracts/update.ts';
import { DaemonError, describe } from '../../shared/errors/daemon-error.ts';
import type { AgentJournal, DaemonJournal, Journal, UpdateFailure } from './journal-format.ts';
import { AGENT_STEPS, agentStepAfterFailure } from './steps.ts';

/** The code that the error carries where it is one of an update's; errors of other bundles are of another class. */
function codeOf(error: unknown, otherwise: string): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^D400[1-4]$/.test(code) ? code : otherwise;
}

export function agentFailure(journal: AgentJournal, error: unknown): AgentJournal {
  const { step, failure } = journal;
  const goingBack = AGENT_STEPS[step].phase === 'rolling-back';
  const applied = AGENT_STEPS[step].phase === 'applying' || AGENT_STEPS[step].phase === 'proving';
  const why = describe(error);
  const next: UpdateFailure = goingBack
    ? { code: 'D4004', error: `${failure?.error ?? ''}; going back failed too: ${why}` }
    : { code: applied ? 'D4003' : codeOf(error, 'D4003'), error: why };
  return { ...journal, step: agentStepAfterFailure(step), failure: next };
}

/** An update that the daemon's end has cut short at a step that is not gone on with. */
export function interrupted(journal: AgentJournal): AgentJournal {
  const { step } = journal;
  // on the way back already: that goes on
  if (AGENT_STEPS[step].phase === 'rolling-back') return journal;
  const undone = agentFailure(journal, new DaemonError('D4003', `the daemon ended while the update was at ${step}`));
  return undone.failure ? { ...undone, failure: { ...undone.failure, interrupted: true } } : undone;
}

/** Of the daemon's own steps only: nothing has been switched yet. */
export function daemonFailure(journal: DaemonJournal, error: unknown): DaemonJournal {
  return { ...journal, step: 'abandoned', failure: { code: codeOf(error, 'D4003'), error: describe(error) } };
}

/** What was in place and did not last. */
export function wasTried(journal: Journal): boolean {
  return journal.step === 'rolled-back' && (journal.kind === 'daemon' || journal.switched);
}

export function resultOf(journal: Journal, atMs: number): Omit<UpdateResult, 'number'> {
  const { id, kind, oldVersion, newVersion, failure, step } = journal;
  const success = step === 'committed';
  return {
    id,
    component: kind,
    agentId: kind === 'agent' ? journal.agentId : '',
    success,
    oldVersion,
    newVersion,
    code: success ? '' : (failure?.code ?? 'internal'),
    error: success ? '' : (failure?.error ?? 'unknown'),
    rolledBack: wasTried(journal) && failure?.code !== 'D4004',
    atMs,
  };
}
