/** A folder that removes itself at the end of the test that asked for it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** For use outside a test: whoever asks removes it, in an `afterAll` say. */
export async function temporaryFolder(name = 'test'): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), `host-daemon-${name}-`));
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Inside a test: the path of a new folder, removed when the test has finished, whichever way. */
export async function testFolder(name = 'test'): Promise<string> {
  const folder = await temporaryFolder(name);
  onTestFinished(() => folder.remove());
  return folder.path;
}
