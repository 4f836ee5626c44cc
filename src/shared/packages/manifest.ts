/**
 * What a signed manifest says of a package: its text, strictly read and stably written, and whether it fits what is
 * wanted on this host. Pure: the signature over the text is checked by others, before it is read here, and the
 * package's bytes after.
 */
import type { AgentType } from '../contracts/agent.ts';
import {
  type PackageCheck,
  type PackageManifest,
  UPDATE_COMPONENTS,
  type UpdateComponent,
} from '../contracts/update.ts';
import { DaemonError } from '../errors/daemon-error.ts';

const FORMAT = 1;
const LARGEST_BYTES = 16 * 1024;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** How far the clock of a build machine may be ahead of ours. */
const CLOCK_TOLERANCE_MS = 10 * MINUTE_MS;

const TODO = 'make it anew with daemonctl sign and fitting options';

const VERSION = /^(?=.{1,50}$)\d+(\.\d+){1,3}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;
const NAME = /^[A-Za-z0-9_-]{1,100}$/;
const SYSTEM = /^[a-z0-9_]{1,20}$/;
const SHA256 = /^[0-9a-f]{64}$/i;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;

function refuse(check: PackageCheck, why: string, cause?: unknown): never {
  throw new DaemonError('D4002', `${why} (check: ${check})`, { cause });
}

function malformed(key: string, why: string): never {
  refuse('manifest', `the manifest's ${key} ${why}; ${TODO}`);
}

/** A value or key as a message shows it: a text in quotes, shortened; of another kind only its kind. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}

/** The first key that stands twice in one object, null without one: JSON.parse would take the last and say nothing. */
function repeatedKey(json: string): string | null {
  const objects: Set<unknown>[] = [];
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}]/g)) {
    if (token === '{') objects.push(new Set());
    else if (token === '}') objects.pop();
    else if (token.endsWith(':')) {
      const key: string = JSON.parse(token.slice(0, -1));
      if (objects.at(-1)?.has(key)) return key;
      objects.at(-1)?.add(key);
    }
  }
  return null;
}

function objectOf(text: string): Map<string, unknown> {
  const bytes = Buffer.byteLength(text);
  if (bytes > LARGEST_BYTES) refuse('manifest', `the manifest has ${bytes} bytes, ${LARGEST_BYTES} are the most`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    refuse('manifest', `the manifest is not JSON; ${TODO}`, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse('manifest', `the manifest is ${shown(value)} where a JSON object is wanted; ${TODO}`);
  }
  const repeated = repeatedKey(text);
  if (repeated !== null) malformed(`key ${shown(repeated)}`, 'stands in it twice');
  return new Map(Object.entries(value));
}

/** Unix milliseconds of a time in ISO 8601, UTC; null where it is none. */
export function parseTime(text: string): number | null {
  const ms = TIME.test(text) ? Date.parse(text) : Number.NaN;
  // Date.parse takes 30 February for 2 March
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text.slice(0, 19)) ? ms : null;
}

function time(key: string, value: unknown): number {
  const ms = typeof value === 'string' ? parseTime(value) : null;
  return ms ?? malformed(key, `is ${shown(value)} where a time such as 2026-01-31T12:00:00Z is wanted`);
}

/** The text is UTF-8 already. Throws D4002 (check: manifest), with the key. */
export function parseManifest(text: string): PackageManifest {
  const values = objectOf(text);
  const take = (key: string): unknown => {
    const value = values.get(key);
    if (value === undefined) malformed(key, 'is missing');
    values.delete(key);
    return value;
  };
  const word = (key: string, pattern: RegExp, wanted: string): string => {
    const value = take(key);
    return typeof value === 'string' && pattern.test(value)
      ? value
      : malformed(key, `is ${shown(value)} where ${wanted} is wanted`);
  };
  const format = take('format');
  if (format !== FORMAT) malformed('format', `is ${shown(format)} where this daemon knows ${FORMAT} only`);
  const name = take('component');
  const component = UPDATE_COMPONENTS.find((known) => known === name);
  if (component === undefined) malformed('component', `is ${shown(name)} where daemon or agent is wanted`);
  if (component === 'daemon' && values.has('agent')) malformed('agent', 'is of no use with the component daemon');
  const agent = component === 'agent' ? word('agent', NAME, 'a type of agent, or the id of a custom one,') : '';
  const version = word('version', VERSION, 'a version such as 1.2.3 of at most 50 characters');
  const platform = word('platform', SYSTEM, 'a name such as linux');
  const arch = word('arch', SYSTEM, 'a name such as x64');
  const size = take('size');
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size <= 0) {
    malformed('size', `is ${shown(size)} where a whole number of bytes is wanted`);
  }
  const sha256 = word('sha256', SHA256, 'a hash of 64 hexadecimal digits').toLowerCase();
  const createdMs = time('created', take('created'));
  const expiresMs = time('expires', take('expires'));
  if (expiresMs <= createdMs) malformed('expires', 'is not later than created');
  const allowDowngrade = values.has('allow_downgrade') ? take('allow_downgrade') : false;
  if (typeof allowDowngrade !== 'boolean') {
    malformed('allow_downgrade', `is ${shown(allowDowngrade)} where true or false is wanted`);
  }
  for (const key of values.keys()) malformed(`key ${shown(key)}`, 'is not known');
  return { component, agent, version, platform, arch, size, sha256, createdMs, expiresMs, allowDowngrade };
}

/** The same manifest is the same text: keys in one order, what is not needed left out, a newline at the end. */
export function renderManifest(manifest: PackageManifest): string {
  const { component, agent, version, platform, arch, size, sha256, createdMs, expiresMs, allowDowngrade } = manifest;
  const values = {
    format: FORMAT,
    component,
    ...(component === 'agent' ? { agent } : {}),
    version,
    platform,
    arch,
    size,
    sha256,
    created: new Date(createdMs).toISOString(),
    expires: new Date(expiresMs).toISOString(),
    ...(allowDowngrade ? { allow_downgrade: true } : {}),
  };
  return `${JSON.stringify(values, null, 2)}\n`;
}

/** What is to be updated, and with what, as the request and this host have it. */
export interface ExpectedPackage {
  component: UpdateComponent;
  /** Of the configured agent; both empty with `daemon`. */
  agentType: AgentType | '';
  agentId: string;
  version: string;
  platform: string;
  arch: string;
  /** Unix milliseconds. */
  nowMs: number;
  /** Hex; empty where the request does not say. */
  sha256: string;
}

/** What a manifest calls an agent: its type, since a package is for all of a type; of `custom` each is of its own. */
function agentName({ agentType, agentId }: ExpectedPackage): string {
  return agentType === 'custom' ? agentId : agentType;
}

function days(ms: number): string {
  return ms < DAY_MS ? 'less than a day' : `${Math.floor(ms / DAY_MS)} d`;
}

/** Throws D4002, check component, version, platform, arch, expiry or hash, the first that fails in this order. */
export function checkManifest(manifest: PackageManifest, expected: ExpectedPackage): void {
  const { component, agent, version, platform, arch, createdMs, expiresMs, sha256 } = manifest;
  const isFor = component === 'agent' ? `the agent ${agent}` : 'the daemon';
  const wanted = expected.component === 'agent' ? `the agent ${agentName(expected)}` : 'the daemon';
  if (isFor !== wanted)
    refuse('component', `the manifest is for ${isFor}, not for ${wanted}; send the one of ${wanted}`);
  if (version !== expected.version) {
    refuse(
      'version',
      `the manifest is for version ${version}, not for ${shown(expected.version)}; ask for the same one`,
    );
  }
  if (platform !== expected.platform) {
    refuse('platform', `the package is for ${platform}, this host is ${expected.platform}; send the one for it`);
  }
  if (arch !== expected.arch) {
    refuse('arch', `the package is for ${arch}, this host is ${expected.arch}; send the one for it`);
  }
  if (createdMs > expected.nowMs + CLOCK_TOLERANCE_MS) {
    const ahead = `${Math.round((createdMs - expected.nowMs) / MINUTE_MS)} min`;
    refuse(
      'expiry',
      `the manifest was created ${ahead} in the future: the clock of this host is behind, or its maker's ahead`,
    );
  }
  if (expiresMs <= expected.nowMs) {
    const ago = days(expected.nowMs - expiresMs);
    refuse('expiry', `the manifest has expired, ${ago} ago; sign the package anew, or mend the clock of this host`);
  }
  if (expected.sha256 !== '' && expected.sha256.toLowerCase() !== sha256) {
    refuse('hash', 'the manifest has another SHA-256 than the request; send the manifest of this package');
  }
}
