/**
 * A log as a row of files, the newest of which is written to. A reader goes through them as if they were one; where it
 * stopped is a cursor, which holds on through rotation.
 */

/** One file of the row. */
export interface LogPart {
  /** Of its text, as it was when it was opened. */
  readonly bytes: number;
  /** How many at once are cheap to read. */
  readonly blockBytes: number;
  /** Fewer where it has become shorter; throws the system's error. */
  read(from: number, length: number): Promise<Buffer>;
}

export interface LogPosition {
  /** 0: the newest part; further ones are older. */
  part: number;
  /** Bytes from its begin. */
  offset: number;
}

export interface LogPlace extends LogPosition {
  /** Within a line of which nothing more is to be shown. */
  skipping: boolean;
}

/** A log that is being looked at. */
export interface OpenLog {
  /** Null where there is none so old. */
  part(index: number): Promise<LogPart | null>;
  /** Where a cursor points to now; what it pointed to may have gone, then it is the oldest that came after it. */
  locate(cursor: string): Promise<LogPlace>;
  cursor(place: LogPlace): Promise<string>;
  /** Whether it was not rotated since it was opened. */
  unchanged(): Promise<boolean>;
  close(): Promise<void>;
}
