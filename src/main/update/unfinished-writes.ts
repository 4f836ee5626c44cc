/** What `replaceFile` leaves beside a file when its process is killed in the middle of it: worth nothing, and removed. */
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Only for a file that nobody else writes now. */
export function removeUnfinishedWrites(path: string): void {
  const prefix = `.${basename(path)}.`;
  for (const name of readdirSync(dirname(path))) {
    if (name.startsWith(prefix) && /^\d+\.tmp$/.test(name.slice(prefix.length))) rmSync(join(dirname(path), name));
  }
}
