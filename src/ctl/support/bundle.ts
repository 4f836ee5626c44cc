/** Gathers a support bundle: every part without secrets, a manifest of them, in one file, whole or not at all. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import type { Config } from '../../shared/config/schema.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import { pidFileHolder } from '../../shared/platform/pid-file.ts';
import { VERSION } from '../../shared/version.ts';
import { ask } from '../client.ts';
import { type Entry, type Written, writeArchive } from './archive.ts';
import { renderManifest } from './manifest.ts';
import { type Part, partsOf } from './parts.ts';
import { Scrubber } from './scrubber.ts';
import { knownSecrets } from './secrets.ts';

export interface BundleOptions {
  socket: string;
  configFile: string;
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
}

const ANSWER_MS = 3000;
const LEAST_PASSPHRASE = 4;

async function runningNow(socket: string, config: Config | null): Promise<{ pid: number; agentIds: string[] }> {
  try {
    const { pid } = await ask(socket, 'status', {}, { timeoutMs: ANSWER_MS });
    const agents = await ask(socket, 'agents', {}, { timeoutMs: ANSWER_MS });
    return { pid, agentIds: agents.map(({ id }) => id) };
  } catch {
    // parts that need the daemon will say why they are missing
    const pid = config ? (holderOf(config.daemon.pidFile) ?? 0) : 0;
    return { pid, agentIds: config?.agents.map(({ id }) => id) ?? [] };
  }
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
export async function makeBundle({ socket, configFile, file, nowMs, signal }: BundleOptions): Promise<Bundled> {
  const { effectiveConfig, loadConfigFile } = await import('../../shared/config/load.ts');
  const { config } = loadConfigFile(configFile);
  const { pid, agentIds } = await runningNow(socket, config);
  const effective = config && effectiveConfig(config);
  const parts = partsOf({ socket, configFile, config, effective, agentIds, daemonPid: pid, nowMs, signal });
  const scrubber = new Scrubber([...(config ? knownSecrets(config) : []), ...passphrase(config)]);
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
    const facts = { hostName: hostname(), madeMs: nowMs, version: VERSION, secretsKnown: config !== null };
    yield {
      name: `${folder}/MANIFEST`,
      text: renderManifest({ ...facts, present, missing, removed: scrubber.counts }),
    };
  }
  const written = await writeArchive(file, entries(), nowMs, signal);
  return { file, ...written, present, missing, removed: scrubber.total };
}
