/**
 * The formats in which the table of agents was ever written, and the way from each to the present one. Pure. Each has
 * a golden file in test/golden/stores/, which is read for ever.
 */
import { type AgentRecord, NEW_RECORD } from './instance-state.ts';

export const PRESENT_FORMAT = 2;

const STATUSES = new Set(['stopped', 'starting', 'running', 'stopping', 'restarting', 'failed']);
const NUMBERS = ['startedAtMs', 'attempts', 'restarts', 'lastRestartMs'];

type Data = Record<string, unknown>;

function isData(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isIdentity(value: unknown): boolean {
  if (value === null) return true;
  if (!isData(value)) return false;
  const { pid, startTicks, bootId } = value;
  return Number.isInteger(pid) && Number(pid) > 1 && Number.isInteger(startTicks) && typeof bootId === 'string';
}

function isRecord(value: Data): boolean {
  return (
    STATUSES.has(String(value['status'])) &&
    (value['wanted'] === 'running' || value['wanted'] === 'stopped') &&
    typeof value['reason'] === 'string' &&
    isIdentity(value['process'] ?? null) &&
    NUMBERS.every((name) => Number.isFinite(value[name])) &&
    (value['lastExit'] === null || isData(value['lastExit']))
  );
}

/** From each format to the next. */
const STEPS: Record<number, (record: Data) => Data> = {
  // format 1 did not know of agents that somebody had stopped
  1: (record) => ({ ...record, wanted: NEW_RECORD.wanted }),
};

/** Throws an Error that says what is wrong with the text. */
export function parseTable(text: string): Map<string, AgentRecord> {
  const table: unknown = JSON.parse(text);
  if (!isData(table) || !('agents' in table)) throw new Error('not a table of agents');
  const { format, agents } = table;
  if (typeof format !== 'number' || !(format === PRESENT_FORMAT || format in STEPS)) {
    throw new Error(`format ${String(format)} is not known`);
  }
  if (!isData(agents)) throw new Error('agents is not a mapping');
  const parsed = new Map<string, AgentRecord>();
  for (const [id, written] of Object.entries(agents)) {
    let record = isData(written) ? written : {};
    for (let step = format; step < PRESENT_FORMAT; step++) record = STEPS[step]?.(record) ?? record;
    if (!isRecord(record)) throw new Error(`the entry of agent ${id} is not complete`);
    parsed.set(id, record as unknown as AgentRecord);
  }
  return parsed;
}

export function renderTable(agents: ReadonlyMap<string, AgentRecord>): string {
  return `${JSON.stringify({ format: PRESENT_FORMAT, agents: Object.fromEntries(agents) }, null, 1)}\n`;
}
