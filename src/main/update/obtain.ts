/**
 * From a request to a verified package on this host: what is signed is checked before anything is fetched, the rest
 * once all of it is there. Every refusal is D4002 and names the check. The work is done in worker threads.
 */
import { mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../shared/config/schema.ts';
import type { AgentType } from '../../shared/contracts/agent.ts';
import type {
  PackageForm,
  PoolTaskKind,
  PoolTaskOptions,
  PoolTasks,
  TaskProgress,
} from '../../shared/contracts/pool-tasks.ts';
import type { PackageManifest, UpdateRequest } from '../../shared/contracts/update.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { checkManifest } from '../../shared/packages/manifest.ts';
import { firstHop } from '../../shared/packages/source-rules.ts';
import { hostOf } from '../../shared/platform/address.ts';

export interface UpdateTasks {
  run<K extends PoolTaskKind>(
    kind: K,
    input: PoolTasks[K]['input'],
    options: PoolTaskOptions,
  ): Promise<PoolTasks[K]['output']>;
}

export interface ObtainDeps {
  tasks: UpdateTasks;
  update: Config['update'];
  manager: Config['manager'];
  /** Unix milliseconds. */
  wallMs(): number;
}

/** What the package is for. */
export interface PackageTarget {
  agentId: string;
  /** Null with the daemon. */
  agentType: AgentType | null;
}

/** Brings the package of one request, and checks it. */
export interface Obtain {
  fetch(): Promise<void>;
  verify(): Promise<{ sha256: string; form: PackageForm }>;
}

export interface FetchOptions {
  signal: AbortSignal;
  onProgress(progress: TaskProgress): void;
}

const OTHERS_MAY_WRITE = 0o022;
const SMALL_TASK_MS = 60_000;
const VERIFY_MS = 30 * 60_000;
const SLACK_MS = 60_000;
const SPEED_WINDOW_MS = 30_000;
const RESERVE_BYTES = 16 * 1024 * 1024;
/** Design document 7.2. */
const RETRIES = { max: 5, baseMs: 1000, maxMs: 60_000 };

/** The host of `HOST:PORT`, as hosts are compared. */
export function hostOfAddress(address: string): string {
  return hostOf(address).toLowerCase();
}

function managerHosts({ addresses }: ObtainDeps['manager']): string[] {
  return addresses.map(hostOfAddress);
}

export function trustedHosts({ update, manager }: Pick<ObtainDeps, 'update' | 'manager'>): string[] {
  const { trustedHosts: hosts } = update;
  return hosts.length > 0 ? hosts.map((host) => host.toLowerCase()) : managerHosts(manager);
}

/**
 * What can be said before anything is fetched: whether the source is trusted, and whether the manifest is signed and
 * about this component, host and time. Null where there is no manifest. Throws D4002.
 */
export async function checkBefore(
  request: UpdateRequest,
  target: PackageTarget,
  deps: ObtainDeps,
): Promise<PackageManifest | null> {
  const { update, tasks, wallMs } = deps;
  if (request.source.kind === 'url') {
    const { allowHttpLoopback } = update;
    firstHop(request.source.url, { trustedHosts: trustedHosts(deps), allowHttpLoopback });
  }
  if (request.manifest === '') return null;
  const { manifest } = await tasks.run(
    'verifyManifest',
    { publicKeyFile: update.publicKeyFile, manifest: request.manifest, signature: request.signature },
    { deadlineMs: SMALL_TASK_MS },
  );
  checkManifest(manifest, {
    component: request.component,
    agentType: target.agentType ?? '',
    agentId: target.agentId,
    version: request.version,
    platform: process.platform,
    arch: process.arch,
    nowMs: wallMs(),
    sha256: request.sha256,
  });
  return manifest;
}

/** Brings the package to `to`. Throws D4001, D4002 (check: source, size), D4003 (no room). */
export async function fetchPackage(
  { source }: UpdateRequest,
  manifest: PackageManifest | null,
  to: string,
  deps: ObtainDeps,
  options: FetchOptions,
): Promise<void> {
  const { update, manager, tasks } = deps;
  await mkdir(update.downloadDir, { recursive: true, mode: 0o700 });
  await requirePrivate(update.downloadDir);
  if (source.kind === 'file') return source.owned ? rename(source.path, to) : takeFile(source.path, to, deps, options);
  await tasks.run(
    'download',
    {
      url: source.url,
      to,
      trustedHosts: trustedHosts(deps),
      allowHttpLoopback: update.allowHttpLoopback,
      identityHosts: manager.tls.off ? [] : managerHosts(manager),
      tls: manager.tls,
      maxBytes: update.maxBytes,
      expectedBytes: manifest?.size ?? null,
      minBytesPerSecond: update.minBytesPerSecond,
      speedWindowMs: SPEED_WINDOW_MS,
      timeoutMs: update.downloadTimeoutMs,
      rateLimit: update.rateLimit,
      retries: RETRIES,
      reserveBytes: RESERVE_BYTES,
    },
    { deadlineMs: update.downloadTimeoutMs + SLACK_MS, ...options },
  );
}

/** What was verified must stay what it is until it is used. Throws D4003. */
async function requirePrivate(folder: string): Promise<void> {
  const { uid, mode } = await stat(folder);
  const ours = uid === 0 || uid === process.getuid?.();
  if (ours && (mode & OTHERS_MAY_WRITE) === 0) return;
  throw new DaemonError('D4003', `${folder} can be written to by others: give it to the daemon's user, mode 0700`);
}

async function takeFile(from: string, to: string, { update, tasks }: ObtainDeps, options: FetchOptions): Promise<void> {
  let size: number;
  try {
    size = (await stat(from)).size;
  } catch (cause) {
    throw new DaemonError('D4001', `the package ${from} cannot be read`, { cause });
  }
  if (size > update.maxBytes) {
    const limit = `update.max_size allows ${update.maxBytes}`;
    throw new DaemonError('D4002', `the package has ${size} bytes, ${limit} (check: size)`);
  }
  const owner = { mode: 0o600, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const input = { from, to, ...owner, sha256: '', reserveBytes: RESERVE_BYTES };
  await tasks.run('place', input, { deadlineMs: VERIFY_MS, ...options });
}

/** Hash and signature of what was fetched, and what it is. Throws D4002. */
export async function verifyFetched(
  path: string,
  request: UpdateRequest,
  manifest: PackageManifest | null,
  { tasks, update }: ObtainDeps,
  options: FetchOptions,
): Promise<{ sha256: string; form: PackageForm }> {
  const { sha256 } = await tasks.run(
    'verifyPackage',
    {
      path,
      sha256: manifest?.sha256 ?? request.sha256,
      bytes: manifest?.size ?? null,
      signature: manifest ? '' : request.signature,
      publicKeyFile: update.publicKeyFile,
    },
    { deadlineMs: VERIFY_MS, ...options },
  );
  const form = await tasks.run('inspect', { path }, { deadlineMs: SMALL_TASK_MS, signal: options.signal });
  return { sha256, form };
}

export function unpackLimits({ maxBytes }: Config['update']): PoolTasks['unpack']['input']['limits'] {
  return { maxFiles: 20_000, maxBytes: 4 * maxBytes, maxDepth: 20 };
}

/** How long a new version must be well: the default gives way to a shorter `verify_timeout`. */
export function verifyMsOf({ verifyMs, verifyTimeoutMs }: Config['update']): number {
  return verifyMs < verifyTimeoutMs ? verifyMs : verifyTimeoutMs / 2;
}

export function packagePath({ downloadDir }: Config['update'], id: string): string {
  return join(downloadDir, `${id}.package`);
}
