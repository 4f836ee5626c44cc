/**
 * The host's TLS identity while the daemon runs. Files that change are candidates: read, checked, tried out by a
 * connection, and only then in use; what fails leaves the old identity where it is, is told once, and is tried again.
 * A candidate that nobody could try yet is offered to the link beside the one in use, so that no host is stranded.
 * Makes no connection itself; looks each minute from its construction to its close.
 */
import type { Identity, IdentitySource } from '../../shared/contracts/identity.ts';
import type { TlsFilePaths } from '../../shared/contracts/pool-tasks.ts';
import { asDaemonError, DaemonError, describe } from '../../shared/errors/daemon-error.ts';
import { Turns } from '../../shared/lifecycle/turns.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { isTlsVerdict } from '../../shared/platform/tls-verdict.ts';
import { Announcer, type AnnouncerOptions } from './announcer.ts';
import { type CertificateStatus, certificateStatus } from './expiry.ts';
import { FileWatch } from './file-watch.ts';
import { digestOf, type LoadedIdentity, makeIdentity } from './make-identity.ts';

export interface CertificatesOptions extends AnnouncerOptions {
  /** Asked at each look: a changed configuration is a change like any other. */
  files(): TlsFilePaths;
  clock: Clock;
  every(intervalMs: number, name: string, run: () => Promise<void>, jitter?: number): () => void;
  /** Connects with it; rejects with D2001, whose cause says what TLS had to say. */
  tryOut(candidate: Identity, signal: AbortSignal): Promise<void>;
  /** Keeps the key's bytes for a server. */
  serving: boolean;
}

const LOOK_MS = 60_000;
const JITTER = 0.1;

/** In the order in which they were read. */
type Numbered = LoadedIdentity & { number: number };

export class Certificates implements IdentitySource {
  readonly #options: CertificatesOptions;
  readonly #watch: FileWatch;
  readonly #announcer: Announcer;
  readonly #abort = new AbortController();
  readonly #stopLooking: () => void;
  readonly #listeners = new Set<{ tell: (identity: Identity) => void }>();
  readonly #known = new WeakMap<Identity, Numbered>();
  #numbers = 0;
  #inUse: Numbered | null = null;
  #loading: Promise<Identity> | null = null;
  #candidate: Numbered | null = null;
  /** Why what is in the files is not in use. */
  #why = '';
  readonly #examined = new Turns();
  #looked: Promise<void> = Promise.resolve();
  #nextLook: Promise<void> | null = null;
  #byContent = false;

  constructor(options: CertificatesOptions) {
    this.#options = options;
    this.#watch = new FileWatch(options.clock);
    this.#announcer = new Announcer(options);
    this.#stopLooking = options.every(LOOK_MS, 'certificates', () => this.#lookNext(), JITTER);
  }

  /** Calls at once share one reading; one that failed is not remembered. Throws D2001. */
  current(): Promise<Identity> {
    if (this.#inUse) return Promise.resolve(this.#inUse.identity);
    this.#loading ??= this.#load().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  onChange(listener: (identity: Identity) => void): () => void {
    const entry = { tell: listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  /** Compares the files by content, whatever their times say, and goes on with what it finds. Never rejects. */
  look(): Promise<void> {
    this.#byContent = true;
    return this.#lookNext();
  }

  /** The one in use, and after it what is in the files, where that is good but has not been accepted yet. Throws D2001. */
  async candidates(): Promise<Identity[]> {
    await this.current();
    await this.#examine(false);
    const known = [this.#inUse, this.#candidate];
    return known.flatMap((loaded) => (loaded ? [loaded.identity] : []));
  }

  /** The link connected with it: it is in use from now on. One that a newer one has overtaken stays aside. */
  promote(identity: Identity): void {
    const loaded = this.#known.get(identity);
    if (!loaded) throw new DaemonError('internal', 'an identity that is not from here cannot be promoted');
    this.#promote(loaded);
  }

  status(): CertificateStatus {
    return certificateStatus(this.#inUse?.identity.certificate ?? null, this.#options.clock.wallMs(), this.#why);
  }

  /** Ends a candidate that is being tried out; what is in use stays so. */
  async close(): Promise<void> {
    this.#stopLooking();
    this.#abort.abort(new Error('the daemon is ending'));
    await this.#looked;
    this.#listeners.clear();
  }

  async #load(): Promise<Identity> {
    const { clock, files } = this.#options;
    const paths = files();
    try {
      const contents = await this.#watch.read(paths);
      this.#announcer.modes(contents.facts);
      const loaded = this.#make(contents, paths);
      this.#inUse = loaded;
      this.#why = '';
      this.#announcer.loaded(loaded);
      this.#announcer.expiry([loaded], clock.wallMs());
      return loaded.identity;
    } catch (error) {
      this.#why = describe(error);
      throw error;
    }
  }

  #make(contents: Parameters<typeof makeIdentity>[0], paths: TlsFilePaths): Numbered {
    const { clock, serving } = this.#options;
    const made = makeIdentity(contents, paths, { nowMs: clock.wallMs(), keepKey: serving });
    const loaded = { ...made, number: ++this.#numbers };
    this.#known.set(loaded.identity, loaded);
    return loaded;
  }

  /** One look after another; whoever asks while one waits gets that one. */
  #lookNext(): Promise<void> {
    this.#nextLook ??= this.#looked.then(() => {
      this.#nextLook = null;
      return this.#look();
    });
    this.#looked = this.#nextLook;
    return this.#nextLook;
  }

  async #look(): Promise<void> {
    const { clock, log } = this.#options;
    if (this.#abort.signal.aborted) return;
    const byContent = this.#byContent;
    this.#byContent = false;
    try {
      await this.#examine(byContent);
      if (this.#candidate) await this.#tryOut(this.#candidate);
      const known = [this.#inUse, this.#candidate].filter((loaded) => loaded !== null);
      this.#announcer.expiry(known, clock.wallMs());
    } catch (err) {
      log.error({ event: 'certificate-fault', err }, 'a fault in looking at the certificates');
    }
  }

  /** Brings the candidate up to what is in the files; never two at once. What is wrong with them is told, not thrown. */
  #examine(byContent: boolean): Promise<void> {
    return this.#examined.take(() => this.#examineNow(byContent));
  }

  async #examineNow(byContent: boolean): Promise<void> {
    if (!this.#inUse) {
      await this.current().catch((error: unknown) => this.#failed('', error));
      return;
    }
    const paths = this.#options.files();
    // what is bad may be so only for now: its dates, or a file of the set that is still to come
    const bad = this.#why !== '' && !this.#candidate;
    if (!byContent && !bad && !(await this.#watch.mayHaveChanged(paths))) return;
    let digest = '';
    try {
      const contents = await this.#watch.read(paths);
      this.#announcer.modes(contents.facts);
      digest = digestOf(contents);
      if (digest === this.#inUse.identity.digest) {
        contents.key.fill(0);
        this.#candidate = null;
        this.#why = '';
        this.#announcer.restored();
      } else if (digest === this.#candidate?.identity.digest) {
        contents.key.fill(0);
      } else {
        this.#candidate = this.#make(contents, paths);
        this.#why = 'it has not been tried yet';
      }
    } catch (error) {
      this.#candidate = null;
      this.#failed(digest, error);
    }
  }

  async #tryOut(candidate: Numbered): Promise<void> {
    const { log, tryOut } = this.#options;
    const { signal } = this.#abort;
    try {
      await tryOut(candidate.identity, signal);
    } catch (error) {
      if (signal.aborted) return;
      const refused = error instanceof DaemonError && error.code === 'D2001' && isTlsVerdict(error.cause);
      if (refused) return this.#failed(candidate.identity.digest, error);
      // says nothing of the candidate: there is no way to the Manager
      this.#why = `it could not be tried: ${describe(error)}`;
      log.debug({ event: 'certificate-untried', err: error }, 'new certificates wait to be tried');
      return;
    }
    if (!signal.aborted) this.#promote(candidate);
  }

  #failed(digest: string, error: unknown): void {
    this.#why = describe(error);
    this.#announcer.failed(digest, asDaemonError(error, 'the certificates could not be read'), this.#inUse !== null);
  }

  #promote(loaded: Numbered): void {
    const before = this.#inUse;
    if (!before || loaded.number <= before.number) return;
    this.#inUse = loaded;
    // a newer one may have been read while this one was tried
    if (this.#candidate && this.#candidate.number <= loaded.number) this.#candidate = null;
    if (!this.#candidate) this.#why = '';
    this.#announcer.renewed(before, loaded);
    this.#announcer.expiry([loaded], this.#options.clock.wallMs());
    for (const { tell } of [...this.#listeners]) {
      try {
        tell(loaded.identity);
      } catch (err) {
        this.#options.log.error({ event: 'certificate-fault', err }, 'a change of certificates was not taken up');
      }
    }
  }
}
