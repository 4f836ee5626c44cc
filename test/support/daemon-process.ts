/** The built daemon as a real process, in a folder of its own that holds everything it writes. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { CONTROL_SOCKET, type LinkView } from '../../src/shared/contracts/control.ts';
import type { AuditEntry } from '../../src/shared/contracts/remote.ts';
import { isAlive, readStat } from '../../src/shared/platform/proc.ts';
import { DIST } from './manager-process.ts';
import { Child, processesWith } from './processes.ts';
import { temporaryFolder } from './temp-folder.ts';
import { waitFor } from './wait-until.ts';

export interface LogLine {
  event: string;
  level: string;
  msg: string;
  [field: string]: unknown;
}

export type Yaml = Record<string, unknown>;

const SECOND = { enabled: true, interval: '1s' };

/** One host: its configuration, and the daemons that run on it one after another. */
export class TestHost {
  readonly folder: string;
  readonly #remove: () => Promise<void>;
  readonly #daemons: Child[] = [];

  private constructor(folder: string, remove: () => Promise<void>) {
    this.folder = folder;
    this.#remove = remove;
  }

  static async make(): Promise<TestHost> {
    const { path, remove } = await temporaryFolder('host');
    await mkdir(join(path, 'etc'));
    return new TestHost(path, remove);
  }

  get configFile(): string {
    return join(this.folder, 'etc/daemon.yaml');
  }

  get logFile(): string {
    return join(this.folder, 'daemon.log');
  }

  get auditFile(): string {
    return join(this.folder, 'audit.log');
  }

  get workDir(): string {
    return join(this.folder, 'work');
  }

  /** Short intervals, and what is given on top; sections are replaced whole. */
  async configure(managerPort: number, tlsFolder: string, over: Yaml = {}): Promise<void> {
    await writeFile(
      this.configFile,
      stringify({
        daemon: this.daemonSection(),
        manager: this.managerSection(managerPort, tlsFolder),
        collectors: { cpu: SECOND, memory: SECOND, disk: SECOND, network: SECOND },
        ...over,
      }),
    );
  }

  /** As configure() has it, with what is given on top. */
  daemonSection(over: Yaml = {}): Yaml {
    return {
      log_level: 'debug',
      log_file: this.logFile,
      audit_log_file: this.auditFile,
      pid_file: join(this.folder, 'daemon.pid'),
      work_dir: this.workDir,
      grpc_port: 0,
      ...over,
    };
  }

  /** As configure() has it, with what is given on top. `tlsFolder`: may be `off`. */
  managerSection(managerPort: number, tlsFolder: string, over: Yaml = {}): Yaml {
    const tls = (name: string): string => join(tlsFolder, name);
    return {
      address: `127.0.0.1:${managerPort}`,
      tls:
        tlsFolder === 'off'
          ? 'off'
          : { cert_file: tls('client.crt'), key_file: tls('client.key'), ca_file: tls('ca.crt') },
      heartbeat_interval: '1s',
      reconnect_interval: '100ms',
      timeout: '5s',
      ...over,
    };
  }

  /**
   * `shell`: a line of bash that starts "$@", for what only whoever starts it can do. `env`: added to this process's
   * own.
   */
  start(
    args: readonly string[] = [],
    { shell, env = {} }: { shell?: string; env?: Record<string, string> } = {},
  ): Child {
    const command = [join(DIST, 'daemon.js'), '--config', this.configFile, ...args];
    const daemon = shell
      ? new Child(['-c', shell, 'bash', process.execPath, ...command], { program: '/bin/bash', env })
      : new Child(command, { env });
    this.#daemons.push(daemon);
    return daemon;
  }

  /** What the daemons of this host have logged so far. */
  log(): LogLine[] {
    if (!existsSync(this.logFile)) return [];
    const lines = readFileSync(this.logFile, 'utf8').split('\n');
    return lines.slice(0, -1).map((line) => JSON.parse(line) as LogLine);
  }

  /** Waits for a line of the log, the ones written already counted from line `since`. */
  logged(event: string, fits: (line: LogLine) => boolean = () => true, since = 0): Promise<LogLine> {
    const found = (): LogLine | undefined => {
      const ended = this.#daemons.at(-1)?.exit;
      const line = this.log()
        .slice(since)
        .find((candidate) => candidate.event === event && fits(candidate));
      if (!line && ended) throw new Error(`the daemon ended with ${ended.code ?? ended.signal}`);
      return line;
    };
    return waitFor(found, { what: `the log line ${event}`, timeoutMs: 20_000 });
  }

  /** What `daemonctl` of this host says, whatever its exit code. */
  ctl(verb: string, ...args: readonly string[]): Promise<string> {
    const socket = join(this.workDir, CONTROL_SOCKET);
    const whole = [join(DIST, 'daemonctl.js'), verb, '--socket', socket, ...args];
    return new Promise((resolve) => {
      execFile(process.execPath, whole, (_, stdout, stderr) => resolve(`${stdout}${stderr}`));
    });
  }

  async link(): Promise<LinkView> {
    return JSON.parse(await this.ctl('link', '--json')) as LinkView;
  }

  /** What the Manager had done here so far. */
  audit(): AuditEntry[] {
    if (!existsSync(this.auditFile)) return [];
    const lines = readFileSync(this.auditFile, 'utf8').split('\n');
    return lines.slice(0, -1).map((line) => JSON.parse(line) as AuditEntry);
  }

  /** Pids of live agents of this host. */
  agents(): number[] {
    return processesWith(`DAEMON_AGENT_OWNER=${this.workDir}`).filter((pid) => isAlive(readStat(pid)));
  }

  /** Ends every daemon and agent of this host and removes its folder. */
  async remove(): Promise<void> {
    for (const daemon of this.#daemons) await daemon.kill('SIGKILL');
    for (const pid of this.agents()) process.kill(pid, 'SIGKILL');
    await waitFor(() => this.agents().length === 0, { what: 'the end of all agents' });
    await this.#remove();
  }
}

/** A sample agent that sends heartbeats, as an entry of `agents`. */
export function sampleAgent(id: string, over: Yaml = {}): Yaml {
  return {
    id,
    type: 'custom',
    binary_path: process.execPath,
    args: [join(DIST, 'sample-agent.js'), '--interval', '200ms'],
    ...over,
  };
}
