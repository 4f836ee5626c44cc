/** Whether a program is installed, and in which version. */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const VERSION_MS = 10_000;

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The file of the first of these names that is on PATH, or null. */
export function findProgram(names: readonly string[], path = process.env['PATH'] ?? ''): string | null {
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable) ?? null;
}

/** The first number of the form 1.2 or 1.2.3; empty where there is none. */
export function versionIn(text: string): string {
  return /\d+\.\d+(?:\.\d+)*/.exec(text)?.[0] ?? '';
}

/** Rejects where the program cannot be run. */
export async function versionOf(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(program, args, { env, timeout: VERSION_MS });
  return versionIn(stdout) || versionIn(stderr); // some print it where errors go
}
