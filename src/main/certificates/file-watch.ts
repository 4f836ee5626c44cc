/**
 * Reads the files of the identity, and tells cheaply whether they may have changed since. Where it cannot be sure, it
 * says that they have: files that were written to just before they were read can be written to again unseen.
 */
import type { TlsFilePaths } from '../../shared/contracts/pool-tasks.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import {
  readTlsFiles,
  stampsOf,
  type TlsFileContents,
  TlsFileError,
  tlsFileStamps,
} from '../../shared/platform/tls-files.ts';
import { IdentityFault } from './identity-fault.ts';

/** More than a tick of any file system's clock. */
const SETTLED_MS = 2000;

export class FileWatch {
  readonly #clock: Pick<Clock, 'wallMs'>;
  #seen: string | null = null;

  constructor(clock: Pick<Clock, 'wallMs'>) {
    this.#clock = clock;
  }

  async mayHaveChanged(paths: TlsFilePaths): Promise<boolean> {
    return this.#seen === null || this.#seen !== (await tlsFileStamps(paths));
  }

  /** Throws an IdentityFault. */
  async read(paths: TlsFilePaths): Promise<TlsFileContents> {
    const atMs = this.#clock.wallMs();
    this.#seen = null;
    const contents = await readTlsFiles(paths).catch((error: unknown) => {
      throw error instanceof TlsFileError ? faultOf(error, paths) : error;
    });
    const settled = contents.facts.every(({ changedMs }) => atMs - changedMs >= SETTLED_MS);
    if (settled) this.#seen = stampsOf(contents.facts);
    return contents;
  }
}

function faultOf({ file, cause }: TlsFileError, paths: TlsFilePaths): IdentityFault {
  const advice = "put it there, readable by the daemon's user";
  return new IdentityFault('file', { name: file, path: paths[file] ?? '' }, 'cannot be read', advice, cause);
}
