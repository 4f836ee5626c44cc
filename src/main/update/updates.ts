/**
 * Updates as the rest of the daemon sees them. Small, since it is resident: the updater itself is loaded with the first
 * request, or at the start where an update was left unfinished or the Manager has not heard of one.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ShownBackup } from '../../shared/contracts/control.ts';
import type { UpdateRequest, UpdateResult, UpdateStatus } from '../../shared/contracts/update.ts';
import { unlessAbsent } from '../../shared/platform/files.ts';
import { isJournalName, OUTCOMES_NAME } from './file-names.ts';
import type { UpdateAnswer, Updater, UpdaterOptions } from './updater.ts';

export interface UpdatesOptions extends UpdaterOptions {
  /** Default: the updater's bundle. */
  load?: () => Promise<{ Updater: typeof Updater }>;
}

/** Whether there is something to go on with, by the names of the files and what the outcomes say. */
export function isUnfinished(names: readonly string[], outcomes: string): boolean {
  if (names.some(isJournalName)) return true;
  const [delivered, last] = ['delivered', 'last'].map((key) =>
    Number(new RegExp(`"${key}": (\\d+)`).exec(outcomes)?.[1]),
  );
  return delivered !== last && outcomes !== '';
}

export class Updates {
  readonly #options: UpdatesOptions;
  #loading: Promise<Updater> | null = null;
  #updater: Updater | null = null;
  #closed = false;

  constructor(options: UpdatesOptions) {
    this.#options = options;
  }

  /** Takes up what an earlier daemon left in the middle. */
  async start(): Promise<void> {
    const { folder } = this.#options;
    const names = await unlessAbsent(readdir(folder), []);
    const outcomes = await unlessAbsent(readFile(join(folder, OUTCOMES_NAME), 'utf8'), '');
    if (isUnfinished(names, outcomes)) await this.#load();
  }

  /** Throws D4002, D4003. */
  async request(request: UpdateRequest): Promise<UpdateAnswer> {
    return (await this.#load()).request(request);
  }

  /** `backup`: its file name; empty for the newest of another version. Throws D4003, D4004. */
  async rollback(component: UpdateRequest['component'], agentId: string, backup: string): Promise<UpdateAnswer> {
    return (await this.#load()).rollback(component, agentId, backup);
  }

  /** Kept versions of a component, oldest first. */
  async backups(component: UpdateRequest['component'], agentId: string): Promise<ShownBackup[]> {
    const kept = await (await this.#load()).backups(component, agentId);
    return kept.map(({ path, version, createdMs, good }) => ({ name: basename(path), version, createdMs, good }));
  }

  async status(): Promise<UpdateStatus> {
    return (await this.#load()).status();
  }

  async acknowledge(): Promise<void> {
    await (await this.#load()).acknowledge();
  }

  /** How many are being carried out. */
  get underWay(): number {
    return this.#updater?.status().underWay.length ?? 0;
  }

  /** Whether an update acts on the agent now. */
  isApplying(agentId: string): boolean {
    return this.#updater?.isApplying(agentId) ?? false;
  }

  /** Results that the Manager has not answered yet, oldest first. */
  undelivered(): UpdateResult[] {
    return this.#updater?.undelivered() ?? [];
  }

  /** The Manager has answered all results up to this number. */
  async delivered(number: number): Promise<void> {
    await this.#updater?.delivered(number);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await (await this.#loading?.catch(() => null))?.close(); // whoever asked was told why it could not be loaded
  }

  #load(): Promise<Updater> {
    if (this.#closed) return Promise.reject(new Error('the daemon is ending'));
    this.#loading ??= this.#make().catch((error: unknown) => {
      this.#loading = null;
      throw error;
    });
    return this.#loading;
  }

  async #make(): Promise<Updater> {
    const { load = () => import('./updater.ts') } = this.#options;
    const { Updater } = await load();
    const updater = new Updater(this.#options);
    this.#updater = updater;
    try {
      await updater.resume();
    } catch (error) {
      this.#updater = null;
      await updater.close(); // the next one takes up the same updates
      throw error;
    }
    return updater;
  }
}
