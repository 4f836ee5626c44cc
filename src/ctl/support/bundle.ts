/** Gathers a support bundle: every part without secrets, a manifest of them, in one file, whole or not at all. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { Config } from '../../shared/config/schema.ts';
import { CONTROL_SOCKET, type StatusView } from '../../shared/contracts/control.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import { pidFileHolder } from '../../shared/platform/pid-file.ts';
import { VERSION } from '../../shared/version.ts';
import { ask } from '../client.ts';
import { DEFAULT_CONFIG } from '../reach.ts';
import { type Entry, type Written, writeArchive } from './archive.ts';
import { renderManifest } from './manifest.ts';
import { type Part, partsOf } from './parts.ts';
import { Scrubber } from './scrubber.ts';
import { knownSecrets } from './secrets.ts';

export interface BundleOptions {
  socket: string;
  /** Null: as the daemon says; where it does not answer, that of most hosts. */
  configFile: string | null;
  /** Of the bundle. */
  file: string;
  /** Unix milliseconds. */
  nowMs: number;
  signal: AbortSignal;
}

export interface Bundled extends Written {
  file: string;
  present: { name: string; bytes: number; removed: number }[];
  missing: { name: string; why: string }[];
  /** Secrets that were found and taken out. */
  removed: number;
  /** Why the values of secrets are not known, so that they went by their form only; empty: they are known. */
  valuesUnknown: string;
}

const ANSWER_MS = 3000;
const LEAST_PASSPHRASE = 4;

/** Null where none came: parts that need the daemon will say why they are missing. */
async function answered<T>(answer: Promise<T>, signal: AbortSignal): Promise<T | null> {
  try {
    return await answer;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

/** Empty where the secrets of the daemon at the socket are those of this configuration. */
function whyValuesUnknown(
  { socket, configFile: given }: BundleOptions,
  { configFile, config, status }: { configFile: string; config: Config | null; status: StatusView | null },
): string {
  if (!config) return `the configuration ${configFile} cannot be read, or is invalid`;
  if (status && status.configFile !== configFile) {
    return `the daemon has the configuration ${status.configFile}, not ${configFile}`;
  }
  const isItsOwn = given !== null || resolve(socket) === join(config.daemon.workDir, CONTROL_SOCKET);
  if (status || isItsOwn) return '';
  return `no daemon at ${socket} says which configuration it has, and ${configFile} is that of another socket`;
}

function holderOf(pidFile: string): number | undefined {
  try {
    return pidFileHolder(pidFile)?.pid;
  } catch {
    return undefined;
  }
}

function passphrase(config: Config | null): string[] {
  const path = config && !config.manager.tls.off ? config.manager.tls.keyPassphraseFile : '';
  if (!path) return [];
  try {
    const text = readFileSync(path, 'utf8').trim();
    return text.length >= LEAST_PASSPHRASE ? [text] : [];
  } catch {
    return []; // who may not read it cannot have put it into the bundle either
  }
}

/** Rejects where it cannot be written, or was ended. */
export async function makeBundle(options: BundleOptions): Promise<Bundled> {
  const { socket, file, nowMs, signal } = options;
  const { effectiveConfig, loadConfigFile } = await import('../../shared/config/load.ts');
  const question = { timeoutMs: ANSWER_MS, signal };
  const status = await answered(ask(socket, 'status', {}, question), signal);
  const agents = status && (await answered(ask(socket, 'agents', {}, question), signal));
  const configFile = options.configFile ?? status?.configFile ?? DEFAULT_CONFIG;
  const { config } = loadConfigFile(configFile);
  const daemonPid = status?.pid ?? (config ? (holderOf(config.daemon.pidFile) ?? 0) : 0);
  const agentIds = (agents ?? config?.agents ?? []).map(({ id }) => id);
  const effective = config && effectiveConfig(config);
  const parts = partsOf({ socket, configFile, config, effective, agentIds, daemonPid, nowMs, signal });
  const scrubber = new Scrubber([...(config ? knownSecrets(config) : []), ...passphrase(config)]);
  const valuesUnknown = whyValuesUnknown(options, { configFile, config, status });
  const present: Bundled['present'] = [];
  const missing: Bundled['missing'] = [];
  const folder = basename(file).replace(/\.tar\.gz$|\.tgz$/, '') || 'support';

  const made = async (part: Part): Promise<string | null> => {
    try {
      return await part.make();
    } catch (error) {
      signal.throwIfAborted();
      missing.push({ name: part.name, why: scrubber.scrub(describe(error)) });
      return null;
    }
  };
  async function* entries(): AsyncGenerator<Entry> {
    for (const part of parts) {
      const raw = await made(part);
      if (raw === null) continue;
      const before = scrubber.total;
      const text = scrubber.scrub(raw);
      present.push({ name: part.name, bytes: Buffer.byteLength(text), removed: scrubber.total - before });
      yield { name: `${folder}/${part.name}`, text };
    }
    const facts = { hostName: hostname(), madeMs: nowMs, version: VERSION, valuesUnknown };
    yield {
      name: `${folder}/MANIFEST`,
      text: renderManifest({ ...facts, present, missing, removed: scrubber.counts }),
    };
  }
  const written = await writeArchive(file, entries(), nowMs, signal);
  return { file, ...written, present, missing, removed: scrubber.total, valuesUnknown };
}
