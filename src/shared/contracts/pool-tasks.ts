/**
 * Every task of the pool: kind → input and output, plain data both. Each task leaves the file system so that it can
 * be cut short at any point, by an abort, a deadline or a power cut, and be taken up again from what is there.
 */
import type { MessagePort } from 'node:worker_threads';
import type { WireError } from '../errors/wire.ts';
import type { PackageManifest } from './update.ts';

/** Absolute paths; `temporary` must not be there and lies in the folder of `to`. */
export interface CompressInput {
  from: string;
  temporary: string;
  to: string;
}

export interface CompressOutput {
  /** Size of the compressed file. */
  bytes: number;
}

/** Absolute paths, all in one folder. Apart from `live`, and `copied` where `resume` is set, none may be there. */
export interface MoveHeadInput {
  live: string;
  /** The copy while it is being made: worth nothing. */
  part: string;
  /** The copy once it is whole and on disk: from here on no byte of it may be lost. */
  copied: string;
  /** Its last name, given once the live log has been cut. */
  archive: string;
  /** `copied` is there, from a move that was cut short. */
  resume: boolean;
}

export interface MoveHeadOutput {
  /** What is now in `archive`. */
  bytes: number;
  /**
   * How the live log was cut. `collapse`: its head was taken out, no line is lost. `truncate`: emptied; what came
   * between the last read and that is lost. `none`: an earlier, interrupted move had cut it already.
   */
  cut: 'collapse' | 'truncate' | 'none';
  /** Why not `collapse`; empty otherwise. */
  why: string;
}

/** The daemon's TLS identity, by the paths of its files: a worker reads them itself. */
export interface TlsFilePaths {
  certFile: string;
  keyFile: string;
  /** Empty or absent: the key has no passphrase. */
  keyPassphraseFile?: string;
  caFile: string;
}

export interface DownloadInput {
  url: string;
  /** Absolute path of the file to write; a part that an earlier attempt of the same task left is not trusted. */
  to: string;
  /** Hosts that a package, redirects included, may come from: `HOST`, lower case, without brackets. */
  trustedHosts: string[];
  /** http:// is taken where the host is a loopback address. */
  allowHttpLoopback: boolean;
  /** The hosts that get the client certificate and are checked against its CA. */
  identityHosts: string[];
  tls: TlsFilePaths;
  maxBytes: number;
  /** What the manifest says; null where nobody does. */
  expectedBytes: number | null;
  /** Bytes a second, over each `speedWindowMs`, below which it is given up; 0: no limit. */
  minBytesPerSecond: number;
  speedWindowMs: number;
  /** For everything together, retries included. */
  timeoutMs: number;
  /** Bytes a second; 0: no limit. */
  rateLimit: number;
  retries: { max: number; baseMs: number; maxMs: number };
  /** Room that must be left on the file system after it. */
  reserveBytes: number;
}

export interface DownloadOutput {
  bytes: number;
  /** Broken connections and refusals that were got over. */
  retries: number;
}

export interface VerifyManifestInput {
  publicKeyFile: string;
  /** The exact text that was signed. */
  manifest: string;
  /** Base64. */
  signature: string;
}

export interface VerifyManifestOutput {
  manifest: PackageManifest;
  /** SHA-256 of the key's SPKI, hex: which of several keys it was. */
  keyId: string;
}

export interface VerifyPackageInput {
  path: string;
  /** Hex; what it must be. */
  sha256: string;
  /** Null where nobody says. */
  bytes: number | null;
  /** Base64, over the whole file; empty where a manifest was signed. */
  signature: string;
  publicKeyFile: string;
}

export interface VerifyPackageOutput {
  sha256: string;
  bytes: number;
  /** Empty without a signature of its own. */
  keyId: string;
}

export interface UnpackLimits {
  maxFiles: number;
  maxBytes: number;
  /** Folders below the root. */
  maxDepth: number;
}

export interface UnpackInput {
  /** Hex: the archive that was verified, and no other; empty: not checked. */
  sha256: string;
  archive: string;
  /** Must not be there; its parent must. After a failure it is not there either. */
  to: string;
  limits: UnpackLimits;
  reserveBytes: number;
}

export interface UnpackOutput {
  /** The one root folder of the archive; its content lies directly in `to`. */
  root: string;
  files: number;
  bytes: number;
}

/** What a package is, by its first bytes: `elf` names the machine where it is one that Node knows. */
export type PackageForm = { form: 'tar.gz' } | { form: 'program'; arch: string | null };

export interface PlaceInput {
  from: string;
  /** Must not be there. */
  to: string;
  /** Permission bits of the copy. */
  mode: number;
  uid: number;
  gid: number;
  /** Hex; what the bytes must be, checked while they are read. Empty: not checked. */
  sha256: string;
  reserveBytes: number;
}

/** A file, or a folder with everything in it. */
export interface KeepInput {
  from: string;
  /** Must not be there; whole or not there afterwards. */
  to: string;
  reserveBytes: number;
}

export interface KeepOutput {
  how: 'link' | 'copy';
  bytes: number;
  /** Of the content: of a folder over names, modes and contents in order. Hex. */
  sha256: string;
}

export interface PoolTasks {
  /** gzip, whole under its name or not there; then removes `from`. */
  compress: { input: CompressInput; output: CompressOutput };
  /** Moves the head of a log that somebody appends to into a file of its own. */
  moveHead: { input: MoveHeadInput; output: MoveHeadOutput };
  /** Fetches a package over HTTPS. Throws D4001; D4002 (check: source, size). */
  download: { input: DownloadInput; output: DownloadOutput };
  /** Checks a manifest's signature and form; what it says is the caller's to check. Throws D4002. */
  verifyManifest: { input: VerifyManifestInput; output: VerifyManifestOutput };
  /** Hash and signature of a package in one read. Throws D4002. */
  verifyPackage: { input: VerifyPackageInput; output: VerifyPackageOutput };
  /** Says what a package is. Throws D4002 (check: archive). */
  inspect: { input: { path: string }; output: PackageForm };
  /** Unpacks a tar.gz with one root folder. Throws D4002 (check: archive), D4003 where the disk fails. */
  unpack: { input: UnpackInput; output: UnpackOutput };
  /** Copies a file to where it is to be used, flushed. Throws D4002 (check: hash), D4003. */
  place: { input: PlaceInput; output: { bytes: number } };
  /** Backs up by hard link where the file system can, else by a copy, flushed. Throws D4003. */
  keep: { input: KeepInput; output: KeepOutput };
  /** The hash that `keep` gave, anew. Throws D4004. */
  hashKept: { input: { path: string }; output: { sha256: string } };
}

export type PoolTaskKind = keyof PoolTasks;

/** How far a task is, in bytes; `total` null where nobody knows. */
export interface TaskProgress {
  done: number;
  total: number | null;
}

/** What a task gets besides its input. */
export interface TaskContext {
  /** To be called as often as is convenient: it is passed on a few times a second. */
  progress(progress: TaskProgress): void;
}

export interface PoolTaskOptions {
  /** Counts from the call, waiting for a thread included. */
  deadlineMs: number;
  signal?: AbortSignal;
  onProgress?: (progress: TaskProgress) => void;
}

/** Errors travel as data, since the thread boundary keeps neither their codes nor their class. */
export type PoolAnswer<K extends PoolTaskKind> = { output: PoolTasks[K]['output'] } | { error: WireError };

/** Tasks of logs and tasks of updates come in a bundle each, so that neither loads what the other needs. */
export const UPDATE_TASKS = [
  'download',
  'verifyManifest',
  'verifyPackage',
  'inspect',
  'unpack',
  'place',
  'keep',
  'hashKept',
] as const satisfies readonly PoolTaskKind[];

/** What crosses the thread boundary with a task. */
export interface PoolCall<K extends PoolTaskKind> {
  input: PoolTasks[K]['input'];
  /** Where progress goes, where somebody wants it. */
  port: MessagePort | null;
}

/** What the pool's bundles export between them: one function a kind. */
export type PoolApi = { [K in PoolTaskKind]: (call: PoolCall<K>) => Promise<PoolAnswer<K>> };
