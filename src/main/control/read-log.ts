/** Lines of a log that may be rotated while it is read: what was read meanwhile is read once more. */
import type { LogLines } from '../../shared/contracts/control.ts';
import type { OpenLog } from './log-parts.ts';
import { lastLines, linesSince } from './read-lines.ts';

const TRIES = 5;

/** `cursor` empty: the last `lines` lines. Throws the system's error, and for a cursor that is none. */
export async function readLog(
  open: () => Promise<OpenLog>,
  { lines, cursor }: { lines: number; cursor: string },
): Promise<LogLines> {
  for (let attempt = 1; ; attempt++) {
    const log = await open();
    try {
      const found = cursor === '' ? await lastLines(log, lines) : await linesSince(log, cursor);
      if (attempt === TRIES || (await log.unchanged())) return found;
    } catch (error) {
      // an error of the request, or one that comes again
      if (attempt === TRIES || (await log.unchanged())) throw error;
    } finally {
      await log.close();
    }
  }
}
