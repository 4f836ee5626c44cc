/** A real browser, where this machine has one. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Path of its program; null where there is none. */
export function browserProgram(path = process.env['PATH'] ?? ''): string | null {
  const candidates = path.split(':').flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return candidates.find((candidate) => isExecutable(candidate)) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there, which is what is asked
  }
}
