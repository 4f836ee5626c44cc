/**
 * The daemon's worker for what is done periodically (src/workers/collect/index.ts), with a clock in it: each outcome
 * also says how long the thread itself took for all of the call, from having it to having the answer.
 */
import { parentPort } from 'node:worker_threads';
import { expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { WorkerApi } from '../../src/shared/contracts/jobs.ts';
import { collect } from '../../src/workers/collect/collect.ts';
import { readHostFacts } from '../../src/workers/collect/host-facts.ts';
import { checkHealth } from '../../src/workers/health/check.ts';
import { timed } from './timed.ts';

const api: WorkerApi = {
  collect: (tasks) => timed(() => collect(tasks)),
  hostFacts: async () => readHostFacts(),
  health: (targets) => timed(() => checkHealth(targets)),
};

if (!parentPort) throw new Error('this file is the entry of a worker thread');
expose(api, nodeEndpoint(parentPort));
