/** The node's id: the configured one, or a UUID that is made once and kept in work_dir. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../shared/platform/files.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export async function nodeId(configured: string, workDir: string): Promise<string> {
  if (configured) return configured;
  const path = join(workDir, 'node-id');
  try {
    const kept = (await readFile(path, 'utf8')).trim();
    if (UUID.test(kept)) return kept;
    // an identity that changes silently would be a second node to the Manager: only an empty file is replaced
    if (kept !== '') throw new Error(`${path} does not hold a UUID: mend or remove it, or set daemon.id`);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const made = randomUUID();
  await replaceFile(path, `${made}\n`);
  return made;
}
