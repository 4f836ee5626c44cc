/**
 * Every job that a worker thread does: kind → input and output, plain data both (structured clone). Both sides
 * ship in one set of bundles, so there are no versions. State travels: what a collector must remember until its
 * next run goes back to main, since the thread ends.
 */
import type { WireError } from '../errors/wire.ts';
import type { HealthFinding, HealthTarget } from './health.ts';
import type { Sample } from './metrics.ts';

export interface CollectTask {
  /** `cpu`, `memory`, `disk`, `network`, or the name of a plugin. */
  name: string;
  /** What the same collector's last run gave back as `state`; null on the first run. */
  state: unknown;
  /** Mount points to report (disk); empty means all. */
  mountPoints?: string[];
  /** Interfaces to report (network); empty means all. */
  interfaces?: string[];
  /** A plugin: absolute path of its module, and its options from the configuration. */
  plugin?: { module: string; options: Record<string, unknown> };
}

export interface CollectOutcome {
  name: string;
  /** To be handed in at the next run; after a failure it is the state that came in. */
  state: unknown;
  /**
   * Null where the run failed, and on the first run of a collector whose figures are rates or shares of an
   * interval: that run only takes the starting counters.
   */
  sample: Sample | null;
  /** D5001, or null. A collector may give a sample and an error: then part of it (one mount, say) failed. */
  error: WireError | null;
  durationMs: number;
}

/** Static facts about the host, read once. Empty strings where the system does not say. */
export interface HostFacts {
  os: string;
  kernel: string;
  /** `container`, `vm` or `bare metal`. */
  virtualization: string;
  /** `docker`, `podman`, `lxc` or `kubernetes`; on Linux only. */
  container?: string;
  /** `aws`, `gcp`, `azure`, `digitalocean`, `hetzner`, `openstack`, `alibaba` or `oracle`; on Linux only. */
  cloud?: string;
}

export interface Jobs {
  collect: { input: CollectTask[]; output: CollectOutcome[] };
  hostFacts: { input: Record<string, never>; output: HostFacts };
  /** One finding a target, in order, once the slowest has come. */
  health: { input: HealthTarget[]; output: HealthFinding[] };
}

export type JobKind = keyof Jobs;

/** What a worker exposes over comlink: one method a job kind that it serves. */
export type WorkerApi = { [K in JobKind]: (input: Jobs[K]['input']) => Promise<Jobs[K]['output']> };
