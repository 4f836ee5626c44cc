/**
 * The worker for what is done periodically: a thread that lives for one run, or for those that fall together. Exposes
 * `collect`, `hostFacts` and `health` over comlink.
 */
import { parentPort } from 'node:worker_threads';
import { expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { WorkerApi } from '../../shared/contracts/jobs.ts';
import { checkHealth } from '../health/check.ts';
import { collect } from './collect.ts';
import { readHostFacts } from './host-facts.ts';

const api: WorkerApi = {
  collect: (tasks) => collect(tasks),
  hostFacts: async () => {
    if (process.platform === 'linux') return readHostFacts();
    const { otherHostFacts } = await import('./other-systems.ts');
    return otherHostFacts();
  },
  health: (targets) => checkHealth(targets),
};

if (!parentPort) throw new Error('this file is the entry of a worker thread');
expose(api, nodeEndpoint(parentPort));
