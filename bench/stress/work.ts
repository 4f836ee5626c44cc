/** What a daemon does, each thing once: for doing it over and over while its pages are taken away. All is checked. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { SystemProcesses } from '../../src/main/agents/launcher.ts';
import type { Pool } from '../../src/main/threads/pool.ts';
import type { Runner } from '../../src/main/threads/runner.ts';
import type { CollectTask } from '../../src/shared/contracts/jobs.ts';
import type { Sample } from '../../src/shared/contracts/metrics.ts';
import { logCompression } from '../benchmarks/stall-log.ts';
import { makePackage } from '../benchmarks/update-package.ts';
import { COLLECTORS } from '../collectors.ts';
import { verifierOf } from '../verify.ts';
import { requireEqual, samplesOf } from './checks.ts';

const COLLECT_DEADLINE_MS = 30_000;
const LOG_MIB = 2;
const AGENT = 'stress';
/** What the agent ends with: none that a failure to start would give. */
const AGENT_CODE = 7;

/** A collection by a thread that is started for it and ended with it. */
export function collections(runner: Runner, signal: AbortSignal): () => Promise<Sample[]> {
  let tasks: CollectTask[] = COLLECTORS.map((name) => ({ name, state: null }));
  return async () => {
    const outcomes = await runner.run('collect', tasks, { deadlineMs: COLLECT_DEADLINE_MS, signal });
    const samples = samplesOf(tasks, outcomes);
    tasks = outcomes.map(({ name, state }) => ({ name, state }));
    return samples;
  };
}

/** Hash and signature of a package. */
export async function hashing(
  pool: Pool,
  folder: string,
  mebibytes: number,
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  const { signed, bytes } = await makePackage(folder, mebibytes, signal);
  const { verify } = verifierOf(pool, signal);
  return async () => {
    const found = await verify(signed);
    requireEqual('the hash of the package', found.sha256, signed.sha256);
    requireEqual('the size of the package', found.bytes, bytes);
  };
}

async function digest(path: string, gzipped: boolean): Promise<string> {
  const sum = createHash('sha256');
  const take = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) sum.update(chunk);
  };
  const source = createReadStream(path);
  await (gzipped ? pipeline(source, createGunzip(), take) : pipeline(source, take));
  return sum.digest('hex');
}

/** A log, compressed by the pool and unpacked again here. */
export async function compressing(pool: Pool, folder: string, signal: AbortSignal): Promise<() => Promise<void>> {
  let known = '';
  return logCompression(folder, pool, signal, {
    mebibytes: LOG_MIB,
    check: async (log, compressed) => {
      known ||= await digest(log, false);
      requireEqual('the hash of the unpacked log', await digest(compressed, true), known);
    },
  });
}

/** An agent, started as the daemon does it, which ends at once, and its end. */
export async function children(folder: string): Promise<() => Promise<void>> {
  const processes = new SystemProcesses();
  const workDir = join(folder, 'agent');
  await mkdir(workDir);
  return async () => {
    const { identity, exited } = await processes.launch({
      ...{ agentId: AGENT, owner: folder, program: '/bin/sh', args: ['-c', `exit ${AGENT_CODE}`] },
      ...{ env: {}, configFile: '', workDir, user: '', group: '' },
      ...{ logFile: join(workDir, 'log'), lockFile: join(workDir, 'lock') },
      limits: {
        ...{ openFiles: 0, processes: 0, addressSpaceBytes: 0, coreBytes: null },
        ...{ memoryBytes: 0, memoryHighBytes: 0, cpuPercent: 0, tasks: 0 },
      },
      stopTimeoutMs: 10_000,
    });
    const { code, signal } = await exited;
    requireEqual('the end of an agent', signal ?? code, AGENT_CODE);
    requireEqual('an agent that has ended', processes.find(identity), null);
  };
}
