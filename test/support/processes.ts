/**
 * Child processes for tests: their output as lines and JSON objects, their end with a bound, and the proof that
 * nothing of them is left.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { isAlive, readProcFile, readStat } from '../../src/shared/platform/proc.ts';
import { type WaitOptions, waitFor } from './wait-until.ts';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  /** Added to this process's own. */
  env?: Record<string, string>;
  cwd?: string;
  /** Default: this Node. */
  program?: string;
}

const MAX_ENVIRON_BYTES = 256 * 1024;

/** A child whose standard output and error are collected, line by line. */
export class Child {
  readonly process: ChildProcess;
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  /** The lines of standard output that are JSON objects. */
  readonly objects: Record<string, unknown>[] = [];
  /** Settles when the process has ended. */
  readonly exited: Promise<Exit>;
  #exit: Exit | null = null;

  constructor(args: readonly string[], { env = {}, cwd, program = process.execPath }: ChildOptions = {}) {
    this.process = spawn(program, args, { env: { ...process.env, ...env }, stdio: 'pipe', ...(cwd ? { cwd } : {}) });
    const { stdout, stderr, stdin } = this.process;
    if (stdout) createInterface({ input: stdout }).on('line', (line) => this.#take(line));
    if (stderr) createInterface({ input: stderr }).on('line', (line) => this.stderr.push(line));
    stdin?.on('error', () => {}); // it ended before it read
    this.exited = new Promise((resolve, reject) => {
      this.process.once('error', reject);
      // not 'close': an agent that it leaves behind may hold its output
      this.process.once('exit', (code, signal) => {
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
    this.exited.catch(() => {}); // it could not be started: whoever waits for it is told
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  /** Null while it runs. */
  get exit(): Exit | null {
    return this.#exit;
  }

  write(line: string): void {
    this.process.stdin?.write(`${line}\n`);
  }

  /**
   * The first JSON object of its output that fits, from the given place on (0: those that came already count too).
   * When it ends before that, an Error with the last lines that it wrote.
   */
  async object(
    fits: (object: Record<string, unknown>) => boolean,
    { from = 0, ...options }: WaitOptions & { from?: number },
  ): Promise<Record<string, unknown>> {
    const look = (): Record<string, unknown> | 'ended' | undefined => {
      const ended = this.#exit !== null;
      return this.objects.slice(from).find(fits) ?? (ended ? 'ended' : undefined);
    };
    const found = await waitFor(look, options);
    if (found === 'ended') throw new Error(`it ended before ${options.what}:\n${this.tail()}`);
    return found;
  }

  /** Its end within the bound; otherwise an Error with the last lines that it wrote. */
  async ended(timeoutMs = 10_000): Promise<Exit> {
    await waitFor(() => this.#exit !== null, { what: `the end of pid ${this.pid}`, timeoutMs }).catch(
      (error: unknown) => {
        throw new Error(`${error instanceof Error ? error.message : error}\n${this.tail()}`);
      },
    );
    return this.exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** Sends the signal and waits for the end; SIGKILL when that does not come. */
  async kill(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = 10_000): Promise<Exit> {
    if (this.#exit) return this.#exit;
    this.signal(signal);
    try {
      return await this.ended(timeoutMs);
    } catch (error) {
      this.signal('SIGKILL');
      await this.ended();
      throw error;
    }
  }

  #take(line: string): void {
    this.stdout.push(line);
    if (!line.startsWith('{')) return;
    try {
      this.objects.push(JSON.parse(line) as Record<string, unknown>);
    } catch {
      // it only looked like one: it stays among the lines
    }
  }

  tail(lines = 20): string {
    return [...this.stdout.slice(-lines), ...this.stderr.slice(-lines)].join('\n');
  }
}

/** Pids of live processes, this one not counted, whose command line or environment holds the marker. */
export function processesWith(marker: string, procRoot = '/proc'): number[] {
  return readdirSync(procRoot)
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      const read = (file: string): string => readProcFile(`${procRoot}/${pid}/${file}`, MAX_ENVIRON_BYTES) ?? '';
      return (read('cmdline').includes(marker) || read('environ').includes(marker)) && isAlive(readStat(pid, procRoot));
    });
}

/** Waits until no process carries the marker; otherwise an Error with the pids that do. */
export async function expectNoProcessWith(marker: string, timeoutMs = 5000): Promise<void> {
  let left: number[] = [];
  const gone = (): boolean => {
    left = processesWith(marker);
    return left.length === 0;
  };
  await waitFor(gone, { what: `the end of all processes with ${marker}`, timeoutMs }).catch(() => {
    const lines = left.map((pid) => `${pid} ${readProcFile(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ')}`);
    throw new Error(`processes with ${marker} are left:\n${lines.join('\n')}`);
  });
}

/** For an `onTestFinished` or `afterEach`: whatever a failed test may have left. */
export function killProcessesWith(marker: string): void {
  for (const pid of processesWith(marker)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error; // it went just now
    }
  }
}
