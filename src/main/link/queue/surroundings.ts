/** What the queue needs from outside, as parameters: the disk (node:fs/promises by default), a timer, a log. */
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { LinkLog } from '../session.ts';

export type QueueHandle = Pick<FileHandle, 'read' | 'write' | 'writev' | 'datasync' | 'sync' | 'truncate' | 'close'>;

export interface QueueFiles {
  open(path: string, flags: string, mode?: number): Promise<QueueHandle>;
  stat(path: string): Promise<{ size: number }>;
  mkdir(path: string, options: { recursive: true; mode: number }): Promise<unknown>;
  readdir(path: string): Promise<string[]>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

export const systemFiles: QueueFiles = { open, stat, mkdir, readdir, rename, unlink };

export interface Surroundings {
  folder: string;
  clock: Clock;
  /** Runs once after the delay; the returned function cancels. */
  after(delayMs: number, name: string, run: () => void): () => void;
  log: LinkLog;
  /** Default: the system's. */
  files?: QueueFiles;
}

/** A new name in the folder is on disk afterwards. */
export async function syncFolder(files: QueueFiles, folder: string): Promise<void> {
  const handle = await files.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
