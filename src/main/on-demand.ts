/**
 * What people of this host ask for now and then: older events, lines of logs. A bundle of its own, loaded with the first
 * question: nobody pays for it where nobody asks. Like daemon.ts it sees the parts.
 */
import { join } from 'node:path';
import type { LogLines } from '../shared/contracts/control.ts';
import { parseLogName } from './agents/log-names.ts';
import { AgentLog } from './control/agent-log.ts';
import { DaemonLogFiles } from './control/daemon-log.ts';
import { readLog } from './control/read-log.ts';

export { readStoredEvents } from './history/stored-events.ts';

interface Wanted {
  lines: number;
  cursor: string;
}

export function agentLines(workDir: string, agentId: string, wanted: Wanted): Promise<LogLines> {
  return readLog(() => AgentLog.open(join(workDir, 'logs'), agentId, parseLogName), wanted);
}

export function daemonLines(logFile: string, wanted: Wanted): Promise<LogLines> {
  return readLog(() => DaemonLogFiles.open(logFile), wanted);
}
