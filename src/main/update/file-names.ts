/** Names in the updates' folder by which it is told what was left there, before anything else is loaded. Pure. */
export const OUTCOMES_NAME = 'outcomes.json';

/** Whether the file is the journal of an update: `daemon.json`, `agent-ID.json`. */
export function isJournalName(name: string): boolean {
  return /^(daemon|agent-.+)\.json$/.test(name);
}
