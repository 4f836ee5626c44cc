/**
 * The log of one agent. Its rotation (docs/agent-logs.md) takes the head out of the live file and keeps it under a stamp:
 * what the live file held at a time is what the files with later stamps and the live file hold together now. So a cursor
 * is the newest stamp of its time and an offset into the live file of then.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unlessAbsent } from '../../shared/platform/files.ts';
import { GzipPart } from './gzip-part.ts';
import { invalid } from './inputs.ts';
import type { LogPart, LogPlace, OpenLog } from './log-parts.ts';
import { PlainPart } from './plain-part.ts';

/** What a file's name says; null for what is none of ours. */
export type ParseLogName = (
  name: string,
) => { agentId: string; stamp: null } | { agentId: string; stamp: string; state: string } | null;

/** A rotation that has copied the head and not named the copy yet is over in no time, or was cut short by a crash. */
const ROTATING_MS = 2000;
const LOOK_MS = 20;
const CURSOR = /^a:(-|\d{8}T\d{6}Z):(\d{1,15}):([01])$/;

export class AgentLog implements OpenLog {
  readonly #folder: string;
  readonly #agentId: string;
  readonly #parse: ParseLogName;
  /** As they are named now. */
  readonly #files: Files;
  readonly #parts = new Map<number, LogPart | null>();

  private constructor(folder: string, agentId: string, parse: ParseLogName, files: Files) {
    this.#folder = folder;
    this.#agentId = agentId;
    this.#parse = parse;
    this.#files = files;
  }

  static async open(folder: string, agentId: string, parse: ParseLogName): Promise<AgentLog> {
    for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
      const files = await list(folder, agentId, parse);
      if (!files.rotating || waitedMs >= ROTATING_MS) return new AgentLog(folder, agentId, parse, files);
      await sleep(LOOK_MS);
    }
  }

  async part(index: number): Promise<LogPart | null> {
    const known = this.#parts.get(index);
    if (known !== undefined) return known;
    const part = await this.#open(index);
    this.#parts.set(index, part);
    return part;
  }

  async locate(cursor: string): Promise<LogPlace> {
    const [, stamp = '', written, skip] = CURSOR.exec(cursor) ?? invalid('cursor is none of this log');
    const skipping = skip === '1';
    let offset = Number(written);
    for (let index = this.#files.kept.filter((kept) => kept.stamp > stamp).length; index > 0; index--) {
      const { bytes = 0 } = (await this.part(index)) ?? {};
      if (offset < bytes) return { part: index, offset, skipping };
      offset -= bytes;
    }
    const { bytes = 0 } = (await this.part(0)) ?? {};
    // shorter: somebody has emptied it
    return offset <= bytes ? { part: 0, offset, skipping } : { part: 0, offset: 0, skipping: false };
  }

  async cursor({ part, offset, skipping }: LogPlace): Promise<string> {
    // into an older file: as if it were the live one still
    return `a:${this.#files.kept[part]?.stamp ?? '-'}:${offset}:${skipping ? 1 : 0}`;
  }

  async unchanged(): Promise<boolean> {
    const { kept, rotating } = await list(this.#folder, this.#agentId, this.#parse);
    const names = (list: readonly Kept[]): string => list.map(({ name }) => name).join('/');
    return rotating === this.#files.rotating && names(kept) === names(this.#files.kept);
  }

  async close(): Promise<void> {
    for (const part of this.#parts.values()) if (part instanceof PlainPart) await part.close();
  }

  /** Throws where an older one has gone since it was listed. */
  async #open(index: number): Promise<LogPart | null> {
    if (index === 0) return PlainPart.open(join(this.#folder, `${this.#agentId}.log`), { follow: false });
    const kept = this.#files.kept[index - 1];
    if (!kept) return null;
    const path = join(this.#folder, kept.name);
    const part = kept.name.endsWith('.gz') ? await GzipPart.open(path) : await PlainPart.open(path, { follow: false });
    if (!part) throw new Error(`${path} has just been removed`);
    return part;
  }
}

interface Kept {
  stamp: string;
  name: string;
}

interface Files {
  /** Newest first. */
  kept: Kept[];
  /** A copy of the head is there, and whether the head has been taken out is not known. */
  rotating: boolean;
}

async function list(folder: string, agentId: string, parse: ParseLogName): Promise<Files> {
  const byStamp = new Map<string, Kept>();
  let rotating = false;
  for (const name of (await unlessAbsent(readdir(folder), [])).sort()) {
    const parsed = parse(name);
    if (parsed?.agentId !== agentId || parsed.stamp === null) continue;
    const { stamp, state } = parsed;
    if (state === 'copied') rotating = true;
    // where both are there, the one that is not compressed is being removed
    if (state === 'kept' || state === 'gz') byStamp.set(stamp, { stamp, name });
  }
  return { kept: [...byStamp.values()].sort((a, b) => (a.stamp < b.stamp ? 1 : -1)), rotating };
}
