/**
 * Asks mounts that may hang for their size, all in one child process, and comes back within the limit whatever they
 * do. A question that gets no answer cannot be taken back: its process stays, and is named in the answer, so that the
 * caller asks no second one. Its own `stat` is not killed: in the worst of cases it could not be.
 */
import { spawn } from 'node:child_process';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { isAlive, type ProcessStat } from '../../shared/platform/proc.ts';
import type { Space } from './space.ts';

export type Answer =
  | { kind: 'space'; space: Space }
  /** It said no; `reason` is what the program wrote. */
  | { kind: 'failed'; reason: string }
  /** It has said nothing yet: this process is still asking. */
  | { kind: 'silent'; pid: number; startTicks: number };

export interface AskOptions {
  statProgram: string;
  answerMs: number;
  statOf(pid: number): ProcessStat | null;
}

/**
 * Mount points come as arguments, every unusual byte as an escape of printf's %b. The shell waits, so that what
 * answers leaves no zombie behind; when it is killed at the limit, the rest become children of init.
 */
const SCRIPT = `exec 2>&1
ask=$1
shift
i=0
for escaped
do
  point=$(printf '%b.' "$escaped")
  "$ask" -f -c "answer $i %S %b %f %a %c %d" "\${point%.}" &
  echo "asked $i $!"
  i=$((i + 1))
done
wait
`;

const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/** `rawPoint` has one character a byte. */
export function escapePoint(rawPoint: string): string {
  return rawPoint.replace(/[^A-Za-z0-9/_.-]/g, (c) => `\\0${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

export interface Transcript {
  pids: Map<number, number>;
  spaces: Map<number, Space>;
  /** Everything else: what the programs complained of. */
  complaints: string[];
}

/**
 * Each answer is one write and so in one piece, but it may come in the middle of a complaint, which is written bit by
 * bit: it is looked for anywhere, and what is left are the complaints. A name in a complaint is quoted, so that the
 * end of the line never follows it.
 */
export function parseTranscript(text: string): Transcript {
  const pids = new Map<number, number>();
  const spaces = new Map<number, Space>();
  const rest = text
    .replace(/answer (\d+)((?: \d+){6})\n/g, (_, index: string, numbers: string) => {
      const [blockBytes = 0n, blocks = 0n, free = 0n, available = 0n, inodes = 0n, inodesFree = 0n] = numbers
        .trim()
        .split(' ')
        .map(BigInt);
      spaces.set(Number(index), { blockBytes, blocks, free, available, inodes, inodesFree });
      return '';
    })
    .replace(/asked (\d+) (\d+)\n/g, (_, index: string, pid: string) => {
      pids.set(Number(index), Number(pid));
      return '';
    });
  const complaints = rest.split('\n').flatMap((line) => line.trim() || []);
  return { pids, spaces, complaints };
}

/** What the child and its children wrote until all had ended, or until the limit; the child itself is gone then. */
function transcribe(rawPoints: string[], options: AskOptions, atLimit: () => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', SCRIPT, 'sh', options.statProgram, ...rawPoints.map(escapePoint)], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: ENVIRONMENT,
    });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    const timer = setTimeout(() => {
      atLimit();
      // Destroyed, or the silent ones would keep the pipe, and with it this thread, open.
      child.stdout.destroy();
      child.kill('SIGKILL');
      child.unref();
    }, options.answerMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(new DaemonError('D5001', 'cannot start /bin/sh to ask mounts that may hang', { cause: error }));
    });
    child.once('close', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks).toString('latin1'));
    });
  });
}

/** One answer a mount point, in order. @throws DaemonError D5001 where no child can be started. */
export async function askMounts(rawPoints: string[], options: AskOptions): Promise<Answer[]> {
  if (rawPoints.length === 0) return [];
  let limitReached = false;
  const text = await transcribe(rawPoints, options, () => {
    limitReached = true;
  });
  const { pids, spaces, complaints } = parseTranscript(text);
  return rawPoints.map((rawPoint, index): Answer => {
    const space = spaces.get(index);
    if (space) return { kind: 'space', space };
    const pid = pids.get(index);
    const stat = pid === undefined ? null : options.statOf(pid);
    if (limitReached && isAlive(stat)) return { kind: 'silent', pid: stat.pid, startTicks: stat.startTicks };
    // those that name the mount, else those that could be about it
    const about = complaints.filter((complaint) => complaint.includes(rawPoint));
    const complaint = (about.length > 0 ? about : complaints).join('; ');
    const none = limitReached ? `no answer within ${options.answerMs} ms` : `${options.statProgram} gave no answer`;
    return { kind: 'failed', reason: complaint || none };
  });
}
