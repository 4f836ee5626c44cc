/** Journals of updates in the middle, for tests that care about a few of their fields. */
import type { AgentJournal, DaemonJournal } from '../../../../src/main/update/journal-format.ts';
import { daemonJournal } from '../../../fakes/daemon-journal.ts';

export function agentJournalOf(over: Partial<AgentJournal> = {}): AgentJournal {
  return {
    format: 1,
    kind: 'agent',
    step: 'accepted',
    id: 'a1b2c3d4e5f60718',
    startedMs: 1_700_000_000_000,
    agentId: 'one',
    oldVersion: '1.0.0',
    newVersion: '1.1.0',
    sha256: '',
    package: '/downloads/a1b2.package',
    temporary: [],
    backup: '',
    failure: null,
    target: '/opt/one',
    staged: '/opt/.one.a1b2.new',
    former: '/opt/.one.a1b2.former',
    oldSha256: '',
    newSha256: '',
    switched: false,
    wanted: true,
    ran: true,
    ill: [],
    ...over,
  };
}

export function daemonJournalOf(over: Partial<DaemonJournal> = {}): DaemonJournal {
  return daemonJournal({ step: 'accepted', id: '00112233445566ff', package: '/downloads/0011.package', ...over });
}
