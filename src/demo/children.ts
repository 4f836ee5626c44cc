/** The Manager and the daemon as the demo's children: their output, their end, and what they said last. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface Exit {
  code: number | null;
  signal: string | null;
}

export interface ChildOptions {
  /** Each line of its standard output. */
  onLine?: (line: string) => void;
  /** Runs with these arguments; this Node where it is left out. */
  program?: string;
  /** This process's where it is left out. */
  env?: NodeJS.ProcessEnv;
}

const KEPT_LINES = 15;
const KILL_MS = 5000;
const OUTPUT_MS = 500;

export class DemoChild {
  readonly name: string;
  /** Settles when it has ended and its output is read; rejects where it could not be started. */
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #tail: string[] = [];
  #ended = false;

  /** `args`: the bundle and its arguments, or those of another program. */
  constructor(name: string, args: readonly string[], options: ChildOptions = {}) {
    const { onLine, program = process.execPath, env = process.env } = options;
    this.name = name;
    // of its own group: Ctrl-C reaches the demo only, which ends everything in its order
    this.#process = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env });
    const { stdout, stderr } = this.#process;
    if (stdout) createInterface({ input: stdout }).on('line', onLine ?? ((line) => this.#keep(line)));
    if (stderr) createInterface({ input: stderr }).on('line', (line) => this.#keep(line));
    this.exited = new Promise((resolve, reject) => {
      this.#process.once('error', (cause) => {
        this.#ended = true;
        reject(new Error(`${name} could not be started`, { cause }));
      });
      this.#process.once('exit', (code, signal) => {
        this.#ended = true;
        // what it said last may still be in the pipe; a grandchild that holds the pipe must not keep this waiting
        const { promise: late, cancel } = deadline(OUTPUT_MS);
        const closed = new Promise((done) => this.#process.once('close', done));
        void Promise.race([closed, late]).then(() => {
          cancel();
          resolve({ code, signal });
        });
      });
    });
    this.exited.catch(() => {}); // for whoever awaits it; nobody may
  }

  /** 0 where it could not be started. */
  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The last lines of what it said of errors. */
  tail(): readonly string[] {
    return this.#tail;
  }

  /** SIGTERM, and SIGKILL when the grace is over. Throws an Error where even that does not end it. */
  async stop(graceMs: number): Promise<void> {
    if (this.#ended) return;
    this.#process.kill('SIGTERM');
    if (await this.#goneWithin(graceMs)) return;
    this.#process.kill('SIGKILL');
    if (!(await this.#goneWithin(KILL_MS))) throw new Error(`${this.name} (pid ${this.pid}) does not end`);
  }

  #keep(line: string): void {
    this.#tail.push(line);
    if (this.#tail.length > KEPT_LINES) this.#tail.shift();
  }

  async #goneWithin(ms: number): Promise<boolean> {
    const { promise: late, cancel } = deadline(ms);
    const gone = await Promise.race([
      this.exited.then(
        () => true,
        () => true,
      ),
      late.then(() => false),
    ]);
    cancel();
    return gone;
  }
}

function deadline(ms: number): { promise: Promise<void>; cancel: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const promise = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  return { promise, cancel: () => clearTimeout(timer) };
}

/** `ended with code 1`, `was ended by SIGKILL`. */
export function describeExit({ code, signal }: Exit): string {
  return signal ? `was ended by ${signal}` : `ended with code ${code}`;
}
