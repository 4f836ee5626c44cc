/** The host as the hand-over helper sees and changes it, so that its steps can be proven without one. */
import type { DaemonJournal, ProcessName } from '../journal-format.ts';
import { switchTo } from '../releases.ts';
import { managerAnswers } from './manager-probe.ts';
import {
  isRunning,
  LastResort,
  livingDaemon,
  type RestartOptions,
  restartService,
  type ServiceOptions,
} from './service.ts';

export interface HandoverHost {
  daemon(journal: DaemonJournal): ProcessName | null;
  isRunning(process: ProcessName): boolean;
  restart(journal: DaemonJournal, options: RestartOptions): Promise<void>;
  lastResort(journal: DaemonJournal, options: ServiceOptions): { look(daemon: ProcessName | null): void };
  managerAnswers: typeof managerAnswers;
  switchTo: typeof switchTo;
}

export const HANDOVER_HOST: HandoverHost = {
  daemon: livingDaemon,
  isRunning,
  restart: restartService,
  lastResort: (journal, options) => new LastResort(journal, options),
  managerAnswers,
  switchTo,
};
