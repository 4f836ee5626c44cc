/** The reference Manager as a real process, with throw-away certificates in a folder of its own. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Authority,
  type CertificatesOptions,
  createCertificates,
  LOOPBACK_HOSTS,
} from '../../src/demo/certificates.ts';
import type { ManagerLine, OperationOutcome, RegistrationProtocol } from '../../src/shared/contracts/manager-events.ts';
import { Child, type Exit } from './processes.ts';
import { temporaryFolder } from './temp-folder.ts';
import { waitFor } from './wait-until.ts';

/** `DAEMON_DIST`: another folder than dist/, absolute. */
export const DIST = process.env['DAEMON_DIST'] ?? fileURLToPath(new URL('../../dist', import.meta.url));

type EventNamed<Name extends ManagerLine['event']> = Extract<ManagerLine, { event: Name }>;

export interface ManagerProcessOptions {
  /** Further arguments: `--stall Heartbeat`. */
  args?: readonly string[];
  /** Folder with certificates, which stays; `off`: plaintext; default: a new one, removed at the end. */
  tlsFolder?: string;
  /** Default: a free one. */
  port?: number;
  /** Default: dist/manager.js. */
  bundle?: string;
  /** Default: manager. */
  protocol?: RegistrationProtocol | 'both';
  /** Default: true. */
  stream?: boolean;
  /** As the Manager in service; in plaintext unless a folder is given. */
  existing?: boolean;
  /** Where the daemons take operations. */
  daemonPort?: number;
  /** Tells of connections. Default: false. */
  connections?: boolean;
}

export interface OpResult {
  code: number | null;
  /** Null where the program printed none: a wrong command line, no such Manager. */
  outcome: OperationOutcome | null;
  stderr: string;
}

/**
 * As createCertificates, but server and client can both call and be called: the Manager dials daemons with `server`, a
 * daemon serves its operations with `client`.
 */
export async function createTwoWayCertificates(folder: string, options: CertificatesOptions = {}): Promise<Authority> {
  const { hosts = LOOPBACK_HOSTS, clientName = 'daemon', authority: _, ...limits } = options;
  const authority = await createCertificates(folder, options);
  for (const [file, name] of [
    ['server', 'manager'],
    ['client', clientName],
  ] as const) {
    const { cert, key } = await authority.issue({ name, hosts, ...limits });
    await writeFile(join(folder, `${file}.crt`), cert);
    await writeFile(join(folder, `${file}.key`), key, { mode: 0o600 });
  }
  return authority;
}

function flags(options: ManagerProcessOptions): string[] {
  const { protocol, stream = true, existing = false, daemonPort, connections = false } = options;
  return [
    ...(protocol === undefined ? [] : ['--protocol', protocol]),
    ...(stream ? [] : ['--no-stream']),
    ...(existing ? ['--like', 'existing'] : []),
    ...(daemonPort === undefined ? [] : ['--daemon-port', String(daemonPort)]),
    ...(connections ? ['--connections'] : []),
  ];
}

export class ManagerProcess {
  readonly child: Child;
  /** Has ca, server and client, each `.crt` and `.key`; `off` without TLS. */
  readonly tlsFolder: string;
  readonly controlPath: string;
  readonly #bundle: string;
  readonly #remove: () => Promise<void>;
  #port = 0;

  private constructor(
    child: Child,
    paths: { tlsFolder: string; controlPath: string; bundle: string },
    remove: () => Promise<void>,
  ) {
    this.child = child;
    this.tlsFolder = paths.tlsFolder;
    this.controlPath = paths.controlPath;
    this.#bundle = paths.bundle;
    this.#remove = remove;
  }

  static async start(options: ManagerProcessOptions = {}): Promise<ManagerProcess> {
    const { args = [], port = 0, bundle = join(DIST, 'manager.js'), existing = false } = options;
    const own = await temporaryFolder('manager');
    const tlsFolder = options.tlsFolder ?? (existing ? 'off' : own.path);
    if (tlsFolder === own.path) await createTwoWayCertificates(tlsFolder);
    const controlPath = join(own.path, 'control.sock');
    const where = ['--port', String(port), '--tls', tlsFolder, '--control', controlPath];
    const child = new Child([bundle, '--json', ...where, ...flags(options), ...args]);
    const manager = new ManagerProcess(child, { tlsFolder, controlPath, bundle }, () => own.remove());
    try {
      manager.#port = (await manager.event('listening')).port;
    } catch (error) {
      await manager.stop();
      throw error;
    }
    return manager;
  }

  get port(): number {
    return this.#port;
  }

  /** Everything that it said so far, in order. */
  get events(): ManagerLine[] {
    return this.child.objects as unknown as ManagerLine[];
  }

  eventsNamed<Name extends ManagerLine['event']>(name: Name): EventNamed<Name>[] {
    return this.events.filter((event): event is EventNamed<Name> => event.event === name);
  }

  /** Waits for an event of that name that fits; those that came already count too. */
  event<Name extends ManagerLine['event']>(
    name: Name,
    fits: (event: EventNamed<Name>) => boolean = () => true,
    timeoutMs = 10_000,
  ): Promise<EventNamed<Name>> {
    return this.#eventFrom(0, name, fits, timeoutMs);
  }

  /** As `event`, but only what comes from now on counts. */
  nextEvent<Name extends ManagerLine['event']>(
    name: Name,
    fits: (event: EventNamed<Name>) => boolean = () => true,
    timeoutMs = 10_000,
  ): Promise<EventNamed<Name>> {
    return this.#eventFrom(this.child.objects.length, name, fits, timeoutMs);
  }

  async #eventFrom<Name extends ManagerLine['event']>(
    from: number,
    name: Name,
    fits: (event: EventNamed<Name>) => boolean,
    timeoutMs: number,
  ): Promise<EventNamed<Name>> {
    const isIt = (object: Record<string, unknown>): boolean =>
      object['event'] === name && fits(object as unknown as EventNamed<Name>);
    const found = await this.child.object(isIt, { from, what: `the Manager's event ${name}`, timeoutMs });
    return found as unknown as EventNamed<Name>;
  }

  /** Orders a fault (`{fault: 'stall', method: 'Heartbeat'}`) and waits until it is in place. */
  async fault(order: Record<string, unknown>): Promise<void> {
    const before = this.eventsNamed('fault').length;
    this.child.write(JSON.stringify(order));
    const answered = await waitFor(() => this.eventsNamed('fault')[before], { what: 'the answer to a fault' });
    if (answered.error) throw new Error(`the Manager refused the fault: ${answered.error}`);
  }

  /** Has it read its certificates anew; rejects where they are broken, in which case the old ones stay. */
  reloadTls(): Promise<void> {
    return this.fault({ fault: 'reload-tls' });
  }

  /** `manager op …` as a process of its own: `op('node-1', 'restart', 'agent-1', '--via', 'stream')`. */
  op(...args: readonly string[]): Promise<OpResult> {
    const whole = [this.#bundle, 'op', '--control', this.controlPath, '--json', ...args];
    return new Promise((resolve) => {
      const child = execFile(process.execPath, whole, { maxBuffer: 64 * 1024 * 1024 }, (_, stdout, stderr) => {
        // whatever its exit code: that is what the caller asks about
        resolve({ code: child.exitCode, outcome: stdout.startsWith('{') ? JSON.parse(stdout) : null, stderr });
      });
    });
  }

  /** Ends it and removes its folder. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    try {
      return await this.child.kill(signal);
    } finally {
      await this.#remove();
    }
  }
}
