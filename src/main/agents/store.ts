/**
 * The process table on disk, so that agents are found again by the next daemon. Written whole at each change; a file
 * that cannot be read is set aside under another name, never overwritten and never fatal.
 */
import { readFile, rename } from 'node:fs/promises';
import { replaceFile } from '../../shared/platform/files.ts';
import type { AgentRecord } from './instance-state.ts';

const FORMAT = 1;

export interface LoadedTable {
  agents: Map<string, AgentRecord>;
  /** Why the file was set aside and where it went; null when all was well. */
  setAside: { reason: string; path: string } | null;
}

function isIdentity(value: unknown): boolean {
  if (value === null) return true;
  if (typeof value !== 'object') return false;
  const v = value as Record<string, unknown>;
  return (
    Number.isInteger(v['pid']) &&
    Number(v['pid']) > 1 &&
    Number.isInteger(v['startTicks']) &&
    typeof v['bootId'] === 'string'
  );
}

const STATUSES = new Set(['stopped', 'starting', 'running', 'stopping', 'restarting', 'failed']);

function isRecord(value: unknown): value is AgentRecord {
  if (typeof value !== 'object' || value === null) return false;
  const v = value as Record<string, unknown>;
  const numbers = ['startedAtMs', 'attempts', 'restarts', 'lastRestartMs'];
  return (
    STATUSES.has(String(v['status'])) &&
    typeof v['reason'] === 'string' &&
    'process' in v &&
    isIdentity(v['process']) &&
    numbers.every((name) => Number.isFinite(v[name])) &&
    typeof v['lastExit'] === 'object'
  );
}

/** Throws an Error that says what is wrong with the text. */
export function parseTable(text: string): Map<string, AgentRecord> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !('format' in value) || !('agents' in value)) {
    throw new Error('not a table of agents');
  }
  if (value.format !== FORMAT) throw new Error(`format ${String(value.format)} is not known, only ${FORMAT}`);
  if (typeof value.agents !== 'object' || value.agents === null) throw new Error('agents is not a mapping');
  const agents = new Map<string, AgentRecord>();
  for (const [id, record] of Object.entries(value.agents)) {
    if (!isRecord(record)) throw new Error(`the entry of agent ${id} is not complete`);
    agents.set(id, record);
  }
  return agents;
}

export function renderTable(agents: ReadonlyMap<string, AgentRecord>): string {
  return `${JSON.stringify({ format: FORMAT, agents: Object.fromEntries(agents) }, null, 1)}\n`;
}

export class AgentStore {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  #wanted: string | null = null;
  #writing: Promise<void> | null = null;

  constructor(path: string, onError: (error: unknown) => void) {
    this.#path = path;
    this.#onError = onError;
  }

  async load(nowMs: number): Promise<LoadedTable> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
        return { agents: new Map(), setAside: null };
      throw error;
    }
    try {
      return { agents: parseTable(text), setAside: null };
    } catch (error) {
      const path = `${this.#path}.unreadable-${nowMs}`;
      await rename(this.#path, path);
      return { agents: new Map(), setAside: { reason: error instanceof Error ? error.message : String(error), path } };
    }
  }

  /** Writes the newest table soon; tables that come while one is being written are merged into the last. */
  save(agents: ReadonlyMap<string, AgentRecord>): void {
    this.#wanted = renderTable(agents);
    this.#writing ??= this.#write();
  }

  /** Settles when what was given to save() is on disk. */
  async flush(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#wanted !== null) {
      const text = this.#wanted;
      this.#wanted = null;
      try {
        await replaceFile(this.#path, text);
      } catch (error) {
        this.#onError(error);
      }
    }
    this.#writing = null;
  }
}
