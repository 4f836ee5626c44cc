/**
 * Does what was decided of an archive's entries, below one folder: makes folders, files and links, gives them modes
 * and times, flushes each. Who owns them is this process. It decides nothing and throws the system's errors.
 */
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  futimesSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { sync, writeAll } from './keep-files.ts';
import type { Step } from './unpack-tree.ts';

const PRIVATE_MODE = 0o700; // until all is there: nobody else looks in or puts something in the way
const FOLDER_MODE = 0o755;
const PROGRAM_MODE = 0o755;
const FILE_MODE = 0o644;

/** The content of an entry. */
export type Content = AsyncIterable<unknown> & { resume(): unknown };

export class UnpackWriter {
  readonly #root: string;
  readonly #beforeWriting: (bytes: number) => Promise<void>;
  /** Outermost first. */
  readonly #folders: string[] = [];
  readonly #folderTimes = new Map<string, Date>();
  #files = 0;
  #bytes = 0;

  /** `beforeWriting` gets the length of each piece of content, and stops everything by an error of its own. */
  constructor(root: string, beforeWriting: (bytes: number) => Promise<void>) {
    this.#root = root;
    this.#beforeWriting = beforeWriting;
  }

  /** Everything that is no folder. */
  get files(): number {
    return this.#files;
  }

  /** Content that was written. */
  get bytes(): number {
    return this.#bytes;
  }

  async make(step: Step, content: Content): Promise<void> {
    if (step.act !== 'none' && step.act !== 'refuse') this.#makeFolders(step.folders);
    if (step.act === 'file') await this.#write(step, content);
    else content.resume();
    if (step.act === 'folder') this.#folderTimes.set(step.path, step.mtime);
    if (step.act === 'link') linkSync(this.#at(step.to), this.#at(step.path));
    if (step.act === 'file' || step.act === 'link') this.#files++;
  }

  /** Symbolic links come last: until then there is none that something could be written through. */
  finish(symlinks: readonly { path: string; target: string }[]): void {
    for (const { path, target } of symlinks) symlinkSync(target, this.#at(path));
    this.#files += symlinks.length;
    // innermost first: each change inside a folder sets its time anew
    for (const path of this.#folders.toReversed()) {
      const folder = this.#at(path);
      chmodSync(folder, FOLDER_MODE);
      const time = this.#folderTimes.get(path);
      if (time) utimesSync(folder, time, time);
      sync(folder);
    }
  }

  #at(path: string): string {
    return join(this.#root, path);
  }

  #makeFolders(paths: readonly string[]): void {
    for (const path of paths) {
      mkdirSync(this.#at(path), PRIVATE_MODE);
      this.#folders.push(path);
    }
  }

  async #write({ path, executable, mtime }: Step & { act: 'file' }, content: Content): Promise<void> {
    const fd = openSync(this.#at(path), 'wx', FILE_MODE);
    try {
      for await (const chunk of content as AsyncIterable<Uint8Array>) {
        await this.#beforeWriting(chunk.length);
        writeAll(fd, chunk);
        this.#bytes += chunk.length;
      }
      fchmodSync(fd, executable ? PROGRAM_MODE : FILE_MODE); // whatever the umask is
      futimesSync(fd, mtime, mtime);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }
}
