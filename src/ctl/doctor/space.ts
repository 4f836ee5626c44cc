/**
 * Space on the volumes that the daemon writes to. A file system that hangs would hang this process too: it is asked in
 * a child, which is not waited for once its time is up.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../../shared/config/schema.ts';
import { percent, size } from '../text/words.ts';
import { type Finding, Findings } from './finding.ts';

const ANSWER_MS = 3000;
const LEAST_BYTES = 100 * 1024 ** 2;
const LITTLE_BYTES = 1024 ** 3;
const LITTLE_SHARE = 0.05;

interface Space {
  freeBytes: number;
  totalBytes: number;
}

/** Null where no answer came in time, or none that can be read. */
function spaceAt(path: string): Promise<Space | null> {
  return new Promise((resolve) => {
    const child = spawn('stat', ['--file-system', '--format=%a %b %S', path], { stdio: ['ignore', 'pipe', 'ignore'] });
    const end = (space: Space | null): void => {
      clearTimeout(late);
      child.kill('SIGKILL');
      child.unref(); // one that is stuck in the kernel must not keep this process
      child.stdout.destroy();
      resolve(space);
    };
    const late = setTimeout(() => end(null), ANSWER_MS);
    let text = '';
    child.on('error', () => end(null));
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.stdout.on('end', () => {
      const [free = Number.NaN, blocks = Number.NaN, block = Number.NaN] = text.trim().split(' ').map(Number);
      const totalBytes = blocks * block;
      end(Number.isFinite(totalBytes) ? { freeBytes: free * block, totalBytes } : null);
    });
  });
}

function existing(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : existing(dirname(path));
}

export async function examineSpace({ daemon, update }: Config): Promise<Finding[]> {
  const findings = new Findings('space');
  const logs = [daemon.logFile, daemon.auditLogFile].filter((path) => path !== '-').map((path) => dirname(path));
  const paths = new Set([daemon.workDir, ...logs, update.downloadDir, update.backupDir]);
  const answers = await Promise.all([...paths].map(async (path) => [path, await spaceAt(existing(path))] as const));
  for (const [path, space] of answers) {
    if (!space) {
      findings.unknown(path, `its file system did not answer within ${ANSWER_MS / 1000} s`, 'see whether it hangs');
      continue;
    }
    const { freeBytes, totalBytes } = space;
    const share = totalBytes === 0 ? 0 : freeBytes / totalBytes;
    const found = `${size(freeBytes)} free of ${size(totalBytes)} (${percent(share * 100)})`;
    if (freeBytes < LEAST_BYTES) findings.failed(path, found, 'make room: logs, reports and updates fail without it');
    else if (freeBytes < LITTLE_BYTES || share < LITTLE_SHARE) findings.warning(path, found, 'make room');
    else findings.ok(path, found);
  }
  return findings.all;
}
