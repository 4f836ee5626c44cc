/**
 * What must hold before an agent is started, checked on the file system, and what is only worth a warning. Throws an
 * Error in words for a person.
 */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';

const OTHERS_MAY_WRITE = 0o002;
const GROUP_MAY_WRITE = 0o020;

/** Returns warnings. */
export async function checkProgram(program: string): Promise<string[]> {
  let found: Awaited<ReturnType<typeof stat>>;
  try {
    found = await stat(program);
  } catch (cause) {
    throw new Error(`${program} is not there or cannot be reached`, { cause });
  }
  if (!found.isFile()) throw new Error(`${program} is not a regular file`);
  try {
    await access(program, constants.X_OK);
  } catch (cause) {
    throw new Error(`${program} is not executable`, { cause });
  }
  const writable =
    found.mode & OTHERS_MAY_WRITE
      ? 'everybody'
      : found.mode & GROUP_MAY_WRITE && found.gid !== 0
        ? `group ${found.gid}`
        : '';
  return writable ? [`${program} may be written by ${writable}`] : [];
}

export async function checkConfigFile(path: string): Promise<void> {
  if (!path) return;
  try {
    await access(path, constants.R_OK);
  } catch (cause) {
    throw new Error(`config_file ${path} cannot be read`, { cause });
  }
}
