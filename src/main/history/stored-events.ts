/** Reads the events of this host back from disk. Loaded when somebody asks for what is not in memory any more. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordedEvent } from '../../shared/contracts/control.ts';
import { unlessAbsent } from '../../shared/platform/files.ts';
import { EVENT_FILES, parseEvent } from './event-lines.ts';

/** All of them by their number, in its order. A line that is none is left out. */
export async function readStoredEvents(folder: string): Promise<RecordedEvent[]> {
  const byNumber = new Map<number, RecordedEvent>();
  // the newest file first: one that takes the other's place between the two readings is read twice, and never missed
  for (const name of EVENT_FILES.toReversed()) {
    const text = await unlessAbsent(readFile(join(folder, name), 'utf8'), '');
    for (const line of text.split('\n')) {
      const event = line === '' ? null : parseEvent(line);
      if (event) byNumber.set(event.number, event);
    }
  }
  return [...byNumber.values()].sort((a, b) => a.number - b.number);
}
