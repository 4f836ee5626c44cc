/**
 * Updates in the design document's terms (3.4.1): what is asked for, how far it is, what became of it. Plain data.
 * Every refusal of a package is D4002 and names the check that failed.
 */
export const UPDATE_COMPONENTS = ['daemon', 'agent'] as const;
export type UpdateComponent = (typeof UPDATE_COMPONENTS)[number];

/**
 * Where a package comes from. A file is the local command line's, and stays; `owned` are the bytes of a request, kept
 * in a file for this update alone.
 */
export type PackageSource = { kind: 'url'; url: string } | { kind: 'file'; path: string; owned: boolean };

/** Of the owned file's name; the pid of the daemon that keeps it follows. */
export const INLINE_PREFIX = 'inline-';

export interface UpdateRequest {
  component: UpdateComponent;
  /** Empty with `daemon`. */
  agentId: string;
  version: string;
  source: PackageSource;
  /** Hex; empty where the manifest has it. */
  sha256: string;
  /** Base64: of the manifest where there is one, of the whole package otherwise. */
  signature: string;
  /** The manifest's exact text; empty without one. */
  manifest: string;
  /** `local`: from somebody with access to this host's control socket. */
  origin: 'manager' | 'local';
  /** A version that is not higher is taken too: only a local request or a signed manifest can say so. */
  allowDowngrade: boolean;
  /** A version that was rolled back on this host is tried again. */
  retry: boolean;
}

/** What is being done for the one who waits, in order. */
export const UPDATE_PHASES = [
  'accepted',
  'downloading',
  'verifying',
  'staging',
  'backing-up',
  'applying',
  'proving',
  'rolling-back',
] as const;
export type UpdatePhase = (typeof UPDATE_PHASES)[number];

export interface UpdateProgress {
  id: string;
  component: UpdateComponent;
  agentId: string;
  /** Empty while unknown. */
  oldVersion: string;
  newVersion: string;
  phase: UpdatePhase;
  /** Of the phase, 0 to 100; null where that cannot be told. */
  percent: number | null;
  /** Unix milliseconds. */
  sinceMs: number;
}

/** The design document's UpdateResult, and what it belongs to. */
export interface UpdateResult {
  id: string;
  /** Counts up over all results of this host. */
  number: number;
  component: UpdateComponent;
  agentId: string;
  success: boolean;
  oldVersion: string;
  newVersion: string;
  /** D4001 … D4004 or `internal`; empty when it succeeded. */
  code: string;
  /** Empty when it succeeded. */
  error: string;
  rolledBack: boolean;
  /** Unix milliseconds. */
  atMs: number;
}

/** A version that was rolled back on this host, and is not tried again by itself. */
export interface RefusedVersion {
  component: UpdateComponent;
  agentId: string;
  version: string;
  reason: string;
  /** Unix milliseconds. */
  atMs: number;
  /** Somebody has said that they know. */
  acknowledged: boolean;
}

export interface UpdateStatus {
  underWay: UpdateProgress[];
  /** Newest last, at most 100. */
  results: UpdateResult[];
  refused: RefusedVersion[];
}

/** The checks of a package, in the words that its refusal carries. */
export type PackageCheck =
  | 'source' // where it comes from, redirects included
  | 'size'
  | 'hash'
  | 'key' // no usable public key
  | 'signature'
  | 'manifest' // malformed
  | 'component'
  | 'platform'
  | 'arch'
  | 'expiry'
  | 'version'
  | 'archive' // its form, or what it would unpack
  | 'program'; // it does not run, or says another version

/** What a signed manifest says of a package. */
export interface PackageManifest {
  component: UpdateComponent;
  /** Of an agent: its type, or its id where the type is `custom`. Empty with `daemon`. */
  agent: string;
  version: string;
  /** As Node has it: `linux`. */
  platform: string;
  /** As Node has it: `x64`, `arm64`. */
  arch: string;
  /** Bytes of the package. */
  size: number;
  /** Hex, lower case. */
  sha256: string;
  /** Unix milliseconds. */
  createdMs: number;
  expiresMs: number;
  /** May replace a higher version. */
  allowDowngrade: boolean;
}
