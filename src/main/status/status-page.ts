/**
 * The status page as a part that may be off: opens, moves and closes its server as the configuration says. Only this
 * is resident; the server is a bundle of its own, loaded where an address is configured. An address that cannot be
 * had is told once and tried again: the daemon has more to do than to be looked at.
 */
import type { Config } from '../../shared/config/schema.ts';
import type { Sample } from '../../shared/contracts/metrics.ts';
import { Turns } from '../../shared/lifecycle/turns.ts';
import type { StatusServer, StatusServerOptions } from './status-server.ts';

export interface StatusPageOptions extends Omit<StatusServerOptions, 'address' | 'page'> {
  after(delayMs: number, name: string, run: () => void): () => void;
  log: StatusServerOptions['log'] & { info(fields: object, message?: string): void };
  /** Default: the server's bundle. */
  open?: (options: Omit<StatusServerOptions, 'page'>) => Promise<StatusServer>;
}

const RETRY_MS = 10_000;

export class StatusPage {
  readonly #options: StatusPageOptions;
  readonly #turns = new Turns();
  #server: StatusServer | null = null;
  /** Where it is, or is to be. */
  #address = '';
  #told = '';
  #cancelRetry: () => void = () => {};
  #closed = false;

  constructor(options: StatusPageOptions) {
    this.#options = options;
  }

  /** Goes by the configuration as it is now; never rejects. */
  apply(): Promise<void> {
    return this.#turns.take(() => this.#moveTo(this.#options.config().status.listen));
  }

  /** What was collected; nothing is kept of it while the page is off. */
  samples(samples: readonly Sample[]): void {
    this.#server?.samples(samples);
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#turns.take(() => this.#moveTo(''));
  }

  async #moveTo(listen: Config['status']['listen']): Promise<void> {
    const address = this.#closed ? '' : listen;
    if (address === this.#address && (this.#server || address === '')) return;
    this.#cancelRetry();
    await this.#server?.close();
    this.#server = null;
    this.#address = address;
    if (address === '') return;
    const { open = openFromBundle, after, log } = this.#options;
    try {
      this.#server = await open({ ...this.#options, address });
      this.#told = '';
      log.info({ event: 'status-page', address }, `the status page is at http://${address}/`);
    } catch (err) {
      const said = `${address} ${err}`;
      if (said !== this.#told) {
        log.warn({ event: 'status-page', address, err }, `status.listen: ${address} cannot be had, tried again`);
      }
      this.#told = said;
      this.#cancelRetry = after(RETRY_MS, 'status page', () => void this.apply());
    }
  }
}

async function openFromBundle(options: Omit<StatusServerOptions, 'page'>): Promise<StatusServer> {
  const { openStatusServer } = await import('./status-bundle.ts');
  return openStatusServer(options);
}
