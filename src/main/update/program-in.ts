/** Finds an agent's program in an unpacked package: by its name, at the top or in the usual folders for programs. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { DaemonError } from '../../shared/errors/daemon-error.ts';

const FOLDERS = ['', 'bin', 'usr/bin', 'usr/local/bin'];

/** Throws D4002 (check: archive) where there is none, or more than one. */
export async function programIn(folder: string, name: string): Promise<string> {
  const found: string[] = [];
  for (const below of FOLDERS) {
    const path = join(folder, below, name);
    try {
      if ((await lstat(path)).isFile()) found.push(path);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : '';
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    }
  }
  const [program, another] = found;
  if (program === undefined || another !== undefined) {
    const what = program === undefined ? 'has no' : 'has more than one';
    const where = FOLDERS.map((below) => below || 'its root folder').join(', ');
    throw new DaemonError('D4002', `the archive ${what} program ${name} in ${where} (check: archive)`);
  }
  return program;
}
