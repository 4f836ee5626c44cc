/** The daemon as it is installed: releases, the link `current`, and whoever starts it again when it ends. */
import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Child } from './processes.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('../../scripts/package.mjs', import.meta.url));

/** What a version does in place of what it should: code in front of its own. */
export const FAULTS = {
  crashes: 'if (process.argv.includes("--config") && !process.argv.includes("--check")) process.exit(9);\n',
  hangs: 'if (process.argv.includes("--config") && !process.argv.includes("--check")) for (;;);\n',
  'refuses the configuration': 'if (process.argv.includes("--check")) process.exit(1);\n',
  'cannot connect': 'require("node:tls").connect = () => { throw new Error("broken in this version"); };\n',
} as const;
export type Fault = keyof typeof FAULTS;

/** Packages of versions of this daemon, built as a release is. */
export class Releases {
  readonly folder = mkdtempSync(join(tmpdir(), 'host-daemon-releases-'));

  /** Path of the package. */
  async build(version: string): Promise<string> {
    const args = ['--version', version, '--out', this.folder, '--without-node', '--arch', process.arch];
    const { stdout } = await run(process.execPath, [SCRIPT, ...args]);
    return stdout.trim();
  }

  /** Another package of the same version, with a fault in front of the daemon's own code. */
  spoil(packagePath: string, fault: Fault): Promise<string> {
    return this.change(packagePath, fault, ['lib/daemon.js', (code) => FAULTS[fault] + code]);
  }

  /** Another package with one file changed (its former content is handed in), or without it: null. */
  async change(
    packagePath: string,
    name: string,
    [path, how]: [path: string, how: ((content: string) => string) | null],
  ): Promise<string> {
    const folder = mkdtempSync(join(this.folder, `${name.replaceAll(' ', '-')}-`));
    await run('tar', ['-xzf', packagePath, '-C', folder]);
    const [root = ''] = readdirSync(folder);
    const file = join(folder, root, path);
    if (how) writeFileSync(file, how(readFileSync(file, 'utf8')));
    else rmSync(file);
    const changed = join(folder, basename(packagePath));
    await run('tar', ['-czf', changed, '--owner=0', '--group=0', '-C', folder, root]);
    return changed;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A host that has one version installed. */
export class ReleaseRoot {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
    mkdirSync(join(root, 'releases'), { recursive: true });
  }

  get current(): string {
    return basename(readlinkSync(join(this.root, 'current')));
  }

  /** Names in the folder of the releases. */
  get names(): string[] {
    return readdirSync(join(this.root, 'releases'));
  }

  async install(version: string, packagePath: string): Promise<void> {
    const folder = join(this.root, 'releases', version);
    mkdirSync(folder);
    await run('tar', ['-xzf', packagePath, '-C', folder, '--strip-components=1']);
    symlinkSync(join('releases', version), join(this.root, 'current'));
  }

  /** The same again, for a test that begins anew. */
  copyTo(root: string): ReleaseRoot {
    cpSync(this.root, root, { recursive: true, verbatimSymlinks: true });
    return new ReleaseRoot(root);
  }
}

/** Starts the daemon again whenever it ends, as Restart=always does, until it is told to stop. */
export class Supervisor {
  readonly #program: string;
  readonly #args: string[];
  readonly #env: Record<string, string>;
  readonly children: Child[] = [];
  #stopped = false;
  #over: Promise<void> = Promise.resolve();

  /** `env`: for the first one only. */
  constructor(root: ReleaseRoot, configFile: string, env: Record<string, string> = {}) {
    this.#program = join(root.root, 'current/bin/daemon');
    this.#args = ['--config', configFile];
    this.#env = env;
  }

  start(): void {
    this.#over = this.#keepUp();
  }

  get daemon(): Child {
    const child = this.children.at(-1);
    if (!child) throw new Error('nothing was started');
    return child;
  }

  /** Ends the daemon and starts no further one. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#stopped = true;
    await this.children.at(-1)?.kill(signal);
    await this.#over;
  }

  async #keepUp(): Promise<void> {
    while (!this.#stopped) {
      const env = this.children.length === 0 ? this.#env : {};
      const child = new Child(this.#args, { program: this.#program, env });
      this.children.push(child);
      await child.exited;
      await new Promise((resolve) => setTimeout(resolve, 100)); // RestartSec
    }
  }
}
