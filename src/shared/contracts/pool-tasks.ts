/**
 * Every task of the pool: kind → input and output, plain data both. Each task leaves the file system so that it can
 * be cut short at any point, by an abort, a deadline or a power cut, and be taken up again from what is there.
 */
import type { WireError } from '../errors/wire.ts';

/** Absolute paths; `temporary` must not be there and lies in the folder of `to`. */
export interface CompressInput {
  from: string;
  temporary: string;
  to: string;
}

export interface CompressOutput {
  /** Size of the compressed file. */
  bytes: number;
}

/** Absolute paths, all in one folder. Apart from `live`, and `copied` where `resume` is set, none may be there. */
export interface MoveHeadInput {
  live: string;
  /** The copy while it is being made: worth nothing. */
  part: string;
  /** The copy once it is whole and on disk: from here on no byte of it may be lost. */
  copied: string;
  /** Its last name, given once the live log has been cut. */
  archive: string;
  /** `copied` is there, from a move that was cut short. */
  resume: boolean;
}

export interface MoveHeadOutput {
  /** What is now in `archive`. */
  bytes: number;
  /**
   * How the live log was cut. `collapse`: its head was taken out, no line is lost. `truncate`: emptied; what came
   * between the last read and that is lost. `none`: an earlier, interrupted move had cut it already.
   */
  cut: 'collapse' | 'truncate' | 'none';
  /** Why not `collapse`; empty otherwise. */
  why: string;
}

export interface PoolTasks {
  /** gzip, whole under its name or not there; then removes `from`. */
  compress: { input: CompressInput; output: CompressOutput };
  /** Moves the head of a log that somebody appends to into a file of its own. */
  moveHead: { input: MoveHeadInput; output: MoveHeadOutput };
}

export type PoolTaskKind = keyof PoolTasks;

export interface PoolTaskOptions {
  /** Counts from the call, waiting for a thread included. */
  deadlineMs: number;
  signal?: AbortSignal;
}

/** Errors travel as data, since the thread boundary keeps neither their codes nor their class. */
export type PoolAnswer<K extends PoolTaskKind> = { output: PoolTasks[K]['output'] } | { error: WireError };

/** What the pool's bundle exports: one function a kind. */
export type PoolApi = { [K in PoolTaskKind]: (input: PoolTasks[K]['input']) => Promise<PoolAnswer<K>> };
