/**
 * What is written down of an update before each of its steps, so that whoever starts next can finish or undo it. Pure.
 * A daemon reads journals that the version before or after it has written: fields are only ever added, and each format
 * has a golden file in test/golden/stores/.
 */

import type { CheckName } from '../../shared/contracts/health.ts';
import type { TlsFilePaths } from '../../shared/contracts/pool-tasks.ts';
import { componentName } from './backup-plan.ts';
import { AGENT_STEPS, type AgentStep, DAEMON_STEPS, type DaemonStep } from './steps.ts';

export const JOURNAL_FORMAT = 1;

/** As in the process table: pid, start time and boot together name one process for ever. */
export interface ProcessName {
  pid: number;
  startTicks: number;
  bootId: string;
}

export interface UpdateFailure {
  code: string;
  error: string;
  /** It was cut short by the daemon's end, which says nothing of the version. */
  interrupted?: true;
}

interface Common {
  format: typeof JOURNAL_FORMAT;
  id: string;
  /** Unix milliseconds of the request. */
  startedMs: number;
  oldVersion: string;
  newVersion: string;
  /** SHA-256 of the package, hex; empty until a manifest or the request says it. */
  sha256: string;
  /** The package on this host, absolute; of a manual rollback, the backup. */
  package: string;
  /** Files and folders that are worth nothing once the update is over, absolute. */
  temporary: string[];
  /** Where what is replaced is kept; empty until it is. */
  backup: string;
  /** Why it is being undone, or could not be begun; null while all is well. */
  failure: UpdateFailure | null;
}

export interface AgentJournal extends Common {
  kind: 'agent';
  step: AgentStep;
  agentId: string;
  /** The file that is replaced: what `binary_path` leads to. */
  target: string;
  /** The new program beside it. */
  staged: string;
  /** A second name of the old program beside it: going back is one rename and needs neither room nor network. */
  former: string;
  /** SHA-256 of both programs, hex. */
  oldSha256: string;
  newSha256: string;
  /** Whether the old program may have been replaced. */
  switched: boolean;
  /** Whether it was to run before, and so is to run after. */
  wanted: boolean;
  /** Whether it ran before: what was ill already does not count against the new version. */
  ran: boolean;
  /** Checks that did not pass before. */
  ill: CheckName[];
  /** Checks that passed before; absent in older journals. */
  well?: CheckName[];
}

/** How the daemon is started anew: by systemd, or by whoever started it and takes its end for a reason to do so. */
export type ServiceControl = { kind: 'systemd'; unit: string; user: boolean } | { kind: 'signal'; supervised: boolean };

/** What a new version of the daemon is compared with. */
export interface PresentFacts {
  /** Agents that ran before, by their processes. */
  agents: { id: string; process: ProcessName }[];
  /** Whether the Manager could be reached before. */
  linked: boolean;
  manager: { address: string; timeoutMs: number; tls: TlsFilePaths & { off?: boolean } };
  verifyTimeoutMs: number;
  verifyMs: number;
}

export interface DaemonJournal extends Common, PresentFacts {
  kind: 'daemon';
  step: DaemonStep;
  /** The folder that has `releases` and `current`. */
  root: string;
  /** Whether the new release's folder is of this update; absent in older journals. */
  staged?: boolean;
  /** Names of folders in `releases`. */
  oldRelease: string;
  newRelease: string;
  /** The daemon that is replaced. */
  daemon: ProcessName;
  pidFile: string;
  /** What starts a daemon, where nobody else does. */
  command: string[];
  service: ServiceControl;
  /** The helper that watches; null before there is one. */
  helper: ProcessName | null;
  /** How often a helper was found gone and another one started. */
  helpers: number;
}

export type Journal = AgentJournal | DaemonJournal;

/** Names the component, and its journal: `daemon`, or `agent-ID`. */
export function keyOf(journal: Journal): string {
  return componentName(journal.kind, journal.kind === 'agent' ? journal.agentId : '');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const TEXTS = ['id', 'oldVersion', 'newVersion', 'sha256', 'package', 'backup'];
const AGENT_TEXTS = ['agentId', 'target', 'staged', 'former', 'oldSha256', 'newSha256'];
const DAEMON_TEXTS = ['root', 'oldRelease', 'newRelease', 'pidFile'];

function requireTexts(data: Record<string, unknown>, names: readonly string[]): void {
  for (const name of names) if (typeof data[name] !== 'string') throw new Error(`${name} is not a text`);
}

/** Throws an Error that says what is wrong with the text. */
export function parseJournal(text: string): Journal {
  const data: unknown = JSON.parse(text);
  if (!isObject(data)) throw new Error('not a journal');
  if (data['format'] !== JOURNAL_FORMAT) throw new Error(`format ${String(data['format'])} is not known`);
  requireTexts(data, TEXTS);
  const steps: object = data['kind'] === 'daemon' ? DAEMON_STEPS : AGENT_STEPS;
  if (!Object.hasOwn(steps, String(data['step']))) throw new Error(`step ${String(data['step'])} is not known`);
  if (!Array.isArray(data['temporary'])) throw new Error('temporary is not a list');
  if (data['kind'] === 'agent') requireTexts(data, AGENT_TEXTS);
  else if (data['kind'] === 'daemon') requireTexts(data, DAEMON_TEXTS);
  else throw new Error(`kind ${String(data['kind'])} is not known`);
  return data as unknown as Journal;
}

export function renderJournal(journal: Journal): string {
  return `${JSON.stringify(journal, null, 1)}\n`;
}
