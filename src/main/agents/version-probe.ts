/**
 * Asks a program for its version by running it once, with a time limit. The answer is kept for as long as the file
 * is the same (inode, modification time, size), so that a program is run once a version and not once a restart.
 */
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import type { AgentType } from '../../shared/contracts/agent.ts';
import { type AgentLimits, commandLine } from './command.ts';
import { primaryGroup } from './launcher.ts';
import { AGENT_TYPE_FACTS } from './types.ts';

const NO_LIMITS: AgentLimits = {
  ...{ openFiles: 0, processes: 0, addressSpaceBytes: 0, coreBytes: null },
  ...{ memoryBytes: 0, memoryHighBytes: 0, cpuPercent: 0, tasks: 0 },
};

const TIME_LIMIT_MS = 5000;
const MAX_OUTPUT_BYTES = 64 * 1024;
const MAX_VERSION = 50;

/** What a version looks like in the output of a program whose habits nobody knows. */
const ANY_VERSION = /(?:^|[\s:v])(\d+\.\d+(?:\.\d+)?[-+.\w]*)/m;

/** The version in a program's output, or empty. */
export function versionIn(type: AgentType, output: string): string {
  const pattern = AGENT_TYPE_FACTS[type].version?.pattern ?? ANY_VERSION;
  return pattern.exec(output)?.[1]?.slice(0, MAX_VERSION) ?? '';
}

export interface ProbedAgent {
  type: AgentType;
  /** Of the configuration; null where it has none. */
  versionArgs: string[] | null;
  /** As whom it runs, and so is asked. */
  user: string;
  group: string;
}

export class VersionProbe {
  readonly #known = new Map<string, { file: string; version: Promise<string> }>();
  readonly #timeLimitMs: number;

  constructor(timeLimitMs = TIME_LIMIT_MS) {
    this.#timeLimitMs = timeLimitMs;
  }

  /** Whether there is a way to ask: the type's own, or the arguments that the configuration gives. */
  canAsk({ type, versionArgs }: ProbedAgent): boolean {
    return versionArgs !== null || AGENT_TYPE_FACTS[type].version !== null;
  }

  /** Empty where there is no way to ask, or the program does not answer as its type does. Rejects where it cannot be run. */
  async version({ type, versionArgs, user, group }: ProbedAgent, program: string): Promise<string> {
    const args = versionArgs ?? AGENT_TYPE_FACTS[type].version?.args;
    if (!args) return '';
    const { ino, mtimeMs, size } = await stat(program);
    const file = `${ino} ${mtimeMs} ${size}`;
    const known = this.#known.get(program);
    if (known?.file === file) return known.version;
    const version = this.#asUser(program, args, user, group).then((output) => versionIn(type, output));
    this.#known.set(program, { file, version });
    version.catch(() => this.#known.delete(program)); // asked again the next time
    return version;
  }

  async #asUser(program: string, args: string[], user: string, group: string): Promise<string> {
    const own = group || (user ? await primaryGroup(user) : '');
    const line = commandLine({ program, args, user, group: own, limits: NO_LIMITS });
    return this.#run(line.file, line.args);
  }

  #run(program: string, args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = {
        timeout: this.#timeLimitMs,
        killSignal: 'SIGKILL',
        maxBuffer: MAX_OUTPUT_BYTES,
        env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' },
      } as const;
      execFile(program, args, options, (error, stdout, stderr) => {
        // some exit with another code than 0, or print to the other stream: what counts is what they say
        if (error && (error.killed || typeof error.code === 'string')) reject(error);
        else resolve(`${stdout}\n${stderr}`);
      });
    });
  }
}
