/**
 * Programs that stand in for stat(1): they note each question in a log, and answer, refuse, or hang while a file of
 * the mount's name lies in the `hang` folder.
 */
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isAlive, readStat } from '../../../../src/shared/platform/proc.ts';
import { waitFor } from '../../../support/wait-until.ts';

const PROGRAM = (folder: string): string => `#!/bin/sh
name=\${4##*/}
echo "$$ $name" >> '${folder}/log'
case $name in *refused) echo "stat: '$4': Permission denied" >&2; exit 1;; *broken) echo "stat: '$4': Broken" >&2; exit 1;; esac
while [ -e '${folder}/hang/'"$name" ]; do sleep 0.02; done
set -- $3
echo "$1 $2 4096 1000 400 300 50 20"
`;

export interface StandIn {
  program: string;
  /** From now on a question about a mount point of this last name stays open, or no longer. */
  hang(name: string): void;
  release(name: string): void;
  /** Last names that were asked for, in order. */
  asked(): string[];
  pids(): number[];
  /** Waits until none of its processes is left. */
  ended(): Promise<void>;
}

export function standIn(folder: string): StandIn {
  const program = join(folder, 'stat');
  const log = join(folder, 'log');
  mkdirSync(join(folder, 'hang'));
  writeFileSync(program, PROGRAM(folder));
  chmodSync(program, 0o755);
  appendFileSync(log, '');
  const lines = (): string[][] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(' '));
  const pids = (): number[] => lines().map(([pid]) => Number(pid));
  return {
    program,
    hang: (name) => writeFileSync(join(folder, 'hang', basename(name)), ''),
    release: (name) => rmSync(join(folder, 'hang', basename(name)), { force: true }),
    asked: () => lines().map(([, name]) => name ?? ''),
    pids,
    ended: async () => {
      if (!existsSync(log)) return;
      await waitFor(() => pids().every((pid) => !isAlive(readStat(pid))), { what: 'the end of the stand-ins' });
    },
  };
}
