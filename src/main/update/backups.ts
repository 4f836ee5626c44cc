/**
 * Keeps replaced versions in `backup_dir`, finds them again, and removes the superfluous ones. A backup counts once
 * its facts are on disk, which comes last: one that was cut short is removed with the next.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile, unlessAbsent } from '../../shared/platform/files.ts';
import { type Backup, backupName, backupNames, componentName, superfluous, unfinishedBackups } from './backup-plan.ts';
import type { UpdateTasks } from './obtain.ts';

export interface KeptBackup extends Backup {
  /** Absolute. */
  path: string;
}

interface Named extends KeptBackup {
  name: string;
}

const KEEP_MS = 30 * 60_000;
const RESERVE_BYTES = 1024 * 1024;

const entriesOf = (folder: string): Promise<string[]> => unlessAbsent(readdir(folder), []);

export class Backups {
  readonly #tasks: UpdateTasks;
  readonly #folder: () => string;

  constructor(tasks: UpdateTasks, folder: () => string) {
    this.#tasks = tasks;
    this.#folder = folder;
  }

  /** Throws D4003. */
  async keep(from: string, about: Omit<Backup, 'sha256'>, signal: AbortSignal): Promise<KeptBackup> {
    const folder = this.#folder();
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const component = componentName(about.component, about.agentId);
    const name = backupName(component, about.createdMs, backupNames(await entriesOf(folder), component));
    const path = join(folder, `${name}.bak`);
    const input = { from, to: path, reserveBytes: RESERVE_BYTES };
    const { sha256 } = await this.#tasks.run('keep', input, { deadlineMs: KEEP_MS, signal });
    const backup: Backup = { ...about, sha256 };
    await replaceFile(join(folder, `${name}.json`), `${JSON.stringify(backup, null, 1)}\n`);
    return { ...backup, path };
  }

  /** Those that are whole, oldest first. */
  list(component: Backup['component'], agentId: string): Promise<KeptBackup[]> {
    return this.#named(componentName(component, agentId));
  }

  /** Removes the superfluous ones, and what was left of those that were cut short. */
  async prune(component: string, keep: number): Promise<void> {
    const folder = this.#folder();
    const whole = await this.#named(component);
    for (const entry of unfinishedBackups(await entriesOf(folder), component)) {
      await rm(join(folder, entry), { recursive: true, force: true });
    }
    for (const { name } of superfluous(whole, keep)) {
      await rm(join(folder, `${name}.json`), { force: true });
      await rm(join(folder, `${name}.bak`), { recursive: true, force: true });
    }
  }

  async #named(component: string): Promise<Named[]> {
    const folder = this.#folder();
    const found: Named[] = [];
    for (const name of backupNames(await entriesOf(folder), component)) {
      try {
        const backup: Backup = JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8'));
        found.push({ ...backup, name, path: join(folder, `${name}.bak`) });
      } catch (error) {
        // without its facts it was cut short, and goes with the next pruning; with unreadable ones it is left alone
        const cutShort = error instanceof Error && 'code' in error && error.code === 'ENOENT';
        if (!cutShort && !(error instanceof SyntaxError)) throw error;
      }
    }
    return found;
  }
}
