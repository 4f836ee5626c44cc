/** The reference Manager as a real process, with throw-away certificates in a folder of its own. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCertificates } from '../../src/demo/certificates.ts';
import type { ManagerEvent } from '../../src/shared/contracts/manager-events.ts';
import { Child, type Exit } from './processes.ts';
import { temporaryFolder } from './temp-folder.ts';
import { waitFor } from './wait-until.ts';

export const DIST = fileURLToPath(new URL('../../dist', import.meta.url));

type EventNamed<Name extends ManagerEvent['event']> = Extract<ManagerEvent, { event: Name }>;

export interface ManagerProcessOptions {
  /** Further arguments: `--stall Heartbeat`. */
  args?: readonly string[];
  /** Folder with certificates, which stays; default: a new one, removed at the end. */
  tlsFolder?: string;
  /** Default: a free one. */
  port?: number;
  /** Default: dist/manager.js. */
  bundle?: string;
}

export class ManagerProcess {
  readonly child: Child;
  /** Has ca, server and client, each `.crt` and `.key`. */
  readonly tlsFolder: string;
  readonly #remove: () => Promise<void>;
  #port = 0;

  private constructor(child: Child, tlsFolder: string, remove: () => Promise<void>) {
    this.child = child;
    this.tlsFolder = tlsFolder;
    this.#remove = remove;
  }

  static async start(options: ManagerProcessOptions = {}): Promise<ManagerProcess> {
    const { args = [], port = 0, bundle = join(DIST, 'manager.js') } = options;
    const own = options.tlsFolder ? null : await temporaryFolder('manager');
    const folder = options.tlsFolder ?? own?.path ?? '';
    if (own) await createCertificates(folder);
    const child = new Child([bundle, '--json', '--port', String(port), '--tls', folder, ...args]);
    const manager = new ManagerProcess(child, folder, async () => own?.remove());
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
  get events(): ManagerEvent[] {
    return this.child.objects as unknown as ManagerEvent[];
  }

  eventsNamed<Name extends ManagerEvent['event']>(name: Name): EventNamed<Name>[] {
    return this.events.filter((event): event is EventNamed<Name> => event.event === name);
  }

  /** Waits for an event of that name that fits; those that came already count too. */
  event<Name extends ManagerEvent['event']>(
    name: Name,
    fits: (event: EventNamed<Name>) => boolean = () => true,
    timeoutMs = 10_000,
  ): Promise<EventNamed<Name>> {
    return this.#eventFrom(0, name, fits, timeoutMs);
  }

  /** As `event`, but only what comes from now on counts. */
  nextEvent<Name extends ManagerEvent['event']>(
    name: Name,
    fits: (event: EventNamed<Name>) => boolean = () => true,
    timeoutMs = 10_000,
  ): Promise<EventNamed<Name>> {
    return this.#eventFrom(this.child.objects.length, name, fits, timeoutMs);
  }

  async #eventFrom<Name extends ManagerEvent['event']>(
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

  /** Ends it and removes its folder. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    try {
      return await this.child.kill(signal);
    } finally {
      await this.#remove();
    }
  }
}
