/** A virtual machine with a real systemd, where `npm run test:systemd` has made one (docs/development.md). */
import { spawn } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Folder of the machine's disk and kernel; empty where there is none. */
export const MACHINE = process.env['SYSTEMD_VM'] ?? '';

const RUN = fileURLToPath(new URL('../../scripts/systemd/vm-run.sh', import.meta.url));
const GUEST = fileURLToPath(new URL('../systemd/guest', import.meta.url));

/**
 * What guest/NAME.sh, as the folder's test.sh, printed in the machine, and which of its checks failed: before a power
 * cut, too, which its status (0, or how many failed) knows nothing of.
 */
export async function runInMachine(
  name: string,
  folder: string,
  limitSeconds: number,
): Promise<{ status: number | null; output: string; failed: string[] }> {
  for (const shared of ['common.sh', 'installed.sh']) cpSync(join(GUEST, shared), join(folder, shared));
  cpSync(join(GUEST, `${name}.sh`), join(folder, 'test.sh'));
  const machine = spawn(RUN, [MACHINE, String(limitSeconds), folder], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  for (const stream of [machine.stdout, machine.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      process.stdout.write(`${line}\n`);
    });
  }
  const status = await new Promise<number | null>((resolve, reject) => {
    machine.once('error', reject);
    machine.once('close', resolve);
  });
  return { status, output: lines.join('\n'), failed: lines.filter((line) => line.startsWith('FAIL ')) };
}
