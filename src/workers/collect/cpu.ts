/** The cpu collector: usage over the interval since the last run, seconds since boot, model, load, pressure. */
import type { CollectTask } from '../../shared/contracts/jobs.ts';
import type { MetricValues } from '../../shared/contracts/metrics.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { type CollectContext, type Collected, isRecordOf, stateFields } from './context.ts';
import {
  advanceCpus,
  CPU_FIELDS,
  type CpuTicks,
  cpuShares,
  isCpuTicks,
  parseStatTimes,
  TICKS_PER_SECOND,
} from './cpu-times.ts';
import { readPressure } from './pressure.ts';
import { readOptional, readRequired } from './read.ts';

interface CpuState {
  kind: 'cpu/1';
  atMs: number;
  cpus: Record<string, CpuTicks>;
  /** Does not change while the host runs, so it is looked up once. */
  model: string;
}

export interface CpuInfo {
  /** Empty where the system does not say (most of ARM). */
  model: string;
  /** Mean over the CPUs; null where it does not say. */
  mhz: number | null;
}

export function parseCpuInfo(text: string): CpuInfo {
  const model = /^(?:model name|Processor|cpu model)[ \t]*:[ \t]*(\S.*)$/m.exec(text)?.[1] ?? '';
  const speeds = [...text.matchAll(/^cpu MHz[ \t]*:[ \t]*(\d+(?:\.\d+)?)$/gm)].map((match) => Number(match[1]));
  const mhz = speeds.length > 0 ? speeds.reduce((sum, speed) => sum + speed, 0) / speeds.length : null;
  return { model: model.trim(), mhz };
}

export function parseLoad(text: string): Record<string, number> {
  const numbers = text.split(' ');
  const known = ['load1', 'load5', 'load15'].flatMap((name, index) => {
    const number = numbers[index] ?? '';
    return /^\d+(\.\d+)?$/.test(number) ? [[name, Number(number)] as const] : [];
  });
  return Object.fromEntries(known);
}

/** What systeminformation knows, for where /proc/cpuinfo names no model. It starts programs, so never before that. */
async function modelFromElsewhere(): Promise<string> {
  try {
    const { cpuModel } = await import('./other-systems.ts');
    return await cpuModel();
  } catch {
    return ''; // a name is not worth an error: it is left out
  }
}

function cpuState(state: unknown): CpuState | null {
  const fields = stateFields(state, 'cpu/1');
  if (!fields || !isRecordOf(fields['cpus'], isCpuTicks) || typeof fields['model'] !== 'string') return null;
  return { kind: 'cpu/1', atMs: Number(fields['atMs']), cpus: fields['cpus'], model: fields['model'] };
}

/** The shares of the interval, or none where there was no earlier reading, and the next state. */
export function cpuOutcome(
  cpus: Record<string, CpuTicks>,
  model: string,
  atMs: number,
  incoming: unknown,
): { shares: Record<string, number> | null; state: CpuState } {
  const previous = cpuState(incoming);
  const known = model || (previous?.model ?? '');
  if (!previous) return { shares: null, state: { kind: 'cpu/1', atMs, cpus, model: known } };
  const { delta, baseline } = advanceCpus(previous.cpus, cpus);
  return { shares: cpuShares(delta), state: { kind: 'cpu/1', atMs, cpus: baseline, model: known } };
}

/** @throws DaemonError D5001 where /proc/stat cannot be had. */
export async function collectCpu(
  task: CollectTask,
  context: CollectContext,
  lookUpModel = modelFromElsewhere,
): Promise<Collected> {
  const { procRoot } = context;
  const times = parseStatTimes(readRequired(`${procRoot}/stat`));
  const atMs = context.nowMs();
  const online = Object.keys(times.each).length;
  // Some containers show the sum only: then it is the one CPU that there is.
  const cpus = online > 0 || !times.all ? times.each : { cpu: times.all };
  if (Object.keys(cpus).length === 0) throw new DaemonError('D5001', `${procRoot}/stat has no CPU line`);

  const info = parseCpuInfo(readOptional(`${procRoot}/cpuinfo`) ?? '');
  const { shares, state } = cpuOutcome(cpus, info.model, atMs, task.state);
  if (!shares) return { values: null, state: { ...state, model: info.model || (await lookUpModel()) }, problem: null };

  const values: MetricValues = shares;
  if (online > 0) values['cores'] = online;
  if (state.model) values['model'] = state.model;
  if (info.mhz !== null) values['mhz'] = info.mhz;
  if (times.all) for (const field of CPU_FIELDS) values[field] = times.all[field] / TICKS_PER_SECOND;
  Object.assign(values, parseLoad(readOptional(`${procRoot}/loadavg`) ?? ''), readPressure(procRoot));
  return { values, state, problem: null };
}
