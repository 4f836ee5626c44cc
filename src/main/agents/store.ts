/**
 * The process table on disk, so that agents are found again by the next daemon. Written whole at each change; a file
 * that cannot be read is set aside under another name, never overwritten and never fatal.
 */
import { readFile, rename } from 'node:fs/promises';
import { replaceFile } from '../../shared/platform/files.ts';
import type { AgentRecord } from './instance-state.ts';
import { parseTable, renderTable } from './store-versions.ts';

export interface LoadedTable {
  agents: Map<string, AgentRecord>;
  /** Why the file was set aside and where it went; null when all was well. */
  setAside: { reason: string; path: string } | null;
}

export class AgentStore {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  #wanted: (() => ReadonlyMap<string, AgentRecord>) | null = null;
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

  /**
   * Writes the table soon, as it then is: however many changes come while one is being written, the table is made
   * once more and not once a change.
   */
  save(table: () => ReadonlyMap<string, AgentRecord>): void {
    this.#wanted = table;
    this.#writing ??= this.#write();
  }

  /** Settles when what was given to save() is on disk. */
  async flush(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#wanted !== null) {
      const table = this.#wanted;
      this.#wanted = null;
      try {
        await replaceFile(this.#path, renderTable(table()));
      } catch (error) {
        this.#onError(error);
      }
    }
    this.#writing = null;
  }
}
