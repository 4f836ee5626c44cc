/**
 * The configuration while the daemon runs: holds the last good one, loads the file anew when it is told to or when it
 * has changed, and hands on only what is valid and really different. An invalid file changes nothing. The file is
 * looked at by its path, so that a replaced file, a changed one and a switched symbolic link are all noticed.
 */
import { stat } from 'node:fs/promises';
import type { Config } from '../shared/config/schema.ts';
import { Turns } from '../shared/lifecycle/turns.ts';

export interface LoadedConfig {
  /** Null when it is invalid. */
  config: Config | null;
  /** What is wrong or worth a warning, as it is shown to a person. */
  problems: string;
  /** Where it is invalid. D1001: the file cannot be read or parsed. */
  code: 'D1001' | 'D1002';
}

/** What became of a reload: what applying it gave, or why the file was refused. */
export type Reloaded<T> = { applied: T } | Omit<LoadedConfig, 'config'>;

export interface ConfigSourceOptions<T> {
  path: string;
  /** The one that the daemon was started with. */
  config: Config;
  load(path: string): Promise<LoadedConfig>;
  /** Applies it; the next one waits until it has been applied. */
  onReload(next: Config, previous: Config): Promise<T>;
  onRefused(problems: string, code: LoadedConfig['code']): void;
}

export class ConfigSource<T = void> {
  readonly #options: ConfigSourceOptions<T>;
  #config: Config;
  #taken: string | null = null;
  /** What the last look found: a file that changes between two looks may still be being written. */
  #seen: string | null = null;
  readonly #turns = new Turns();

  constructor(options: ConfigSourceOptions<T>) {
    this.#options = options;
    this.#config = options.config;
  }

  /** Loads the file now. Reloads run one after another. */
  reload(): Promise<Reloaded<T>> {
    return this.#turns.take(() => this.#reload());
  }

  /**
   * Loads the file when it is another than the one that was taken and the same as at the last look; to be called
   * every few seconds. Goes by what the file is, not by the clock: times in the future do no harm.
   */
  async look(): Promise<void> {
    const found = await this.#identity();
    if (found === null) return; // being replaced, or gone: the last good one stays
    const settled = found === this.#seen;
    this.#seen = found;
    this.#taken ??= found;
    if (!settled || found === this.#taken) return;
    const before = this.#taken;
    this.#taken = found;
    await this.reload().catch((error: unknown) => {
      this.#taken = before; // it was not taken over: tried again at the next look
      throw error;
    });
  }

  async #identity(): Promise<string | null> {
    try {
      const { dev, ino, size, mtimeMs } = await stat(this.#options.path);
      return [dev, ino, size, mtimeMs].join(' ');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    }
  }

  async #reload(): Promise<Reloaded<T>> {
    const { path, load, onReload, onRefused } = this.#options;
    const { config, problems, code } = await load(path);
    if (!config) {
      onRefused(problems, code);
      return { problems, code };
    }
    const applied = await onReload(config, this.#config);
    this.#config = config;
    return { applied };
  }
}
