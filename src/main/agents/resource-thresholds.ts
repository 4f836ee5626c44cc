/**
 * What an agent uses against its thresholds. Pure. An alert is raised once when a threshold is passed and cleared once
 * well below it; how long a figure has been over counts only while each check finds it so.
 */
import type { ResourceAlert, ResourceUsage } from '../../shared/contracts/health.ts';

export interface ResourceLimits {
  /** Percent of one core; 0: off. */
  cpuThresholdPercent: number;
  /** 0: off. */
  memoryThresholdBytes: number;
  /** How long over a threshold, without a break, is too long. */
  thresholdDurationMs: number;
}

/** What is remembered of one figure. Plain data. */
export interface FigureMemory {
  /** An alert was raised and not yet cleared. */
  raised: boolean;
  /** Monotonic milliseconds of the first of the checks without a break that found it over; null: it is not. */
  overSinceMs: number | null;
}

export interface ThresholdMemory {
  cpu: FigureMemory;
  memory: FigureMemory;
}

type Type = ResourceAlert['type'];

export interface Figure {
  type: Type;
  /** Null: not known this time. */
  value: number | null;
  /** 0: switched off. */
  threshold: number;
  memory: FigureMemory;
  alert: ResourceAlert['state'] | null;
  /** Milliseconds that it has been over, 0 at the first check that finds it so; null: not over, or unknown. */
  overMs: number | null;
}

/** An alert is cleared below this share of the threshold, so that a figure beside it does not raise one each time. */
const CLEARED_BELOW = 0.9;
const MIB = 1024 * 1024;
const NOT_OVER: FigureMemory = { raised: false, overSinceMs: null };

export const NEVER_OVER: ThresholdMemory = { cpu: NOT_OVER, memory: NOT_OVER };

function compare(
  { raised, overSinceMs }: FigureMemory,
  value: number | null,
  threshold: number,
  nowMs: number,
): Pick<Figure, 'memory' | 'alert' | 'overMs'> {
  if (threshold <= 0) return { memory: NOT_OVER, alert: raised ? 'cleared' : null, overMs: null };
  // nothing is known of the time in between, so that it is no time over; nor is it a reason to take an alert back
  if (value === null) return { memory: { raised, overSinceMs: null }, alert: null, overMs: null };
  if (value > threshold) {
    const sinceMs = overSinceMs ?? nowMs;
    const memory = { raised: true, overSinceMs: sinceMs };
    return { memory, alert: raised ? null : 'raised', overMs: nowMs - sinceMs };
  }
  const stays = raised && value >= CLEARED_BELOW * threshold;
  return { memory: { raised: stays, overSinceMs: null }, alert: raised && !stays ? 'cleared' : null, overMs: null };
}

/** `nowMs`: monotonic. `usage` null: nothing is known this time. */
export function figuresOf(
  before: ThresholdMemory,
  usage: Pick<ResourceUsage, 'cpuPercent' | 'rssBytes'> | null,
  limits: ResourceLimits,
  nowMs: number,
): Record<Type, Figure> {
  const figure = (type: Type, value: number | null, threshold: number): Figure => {
    return { type, value, threshold, ...compare(before[type], value, threshold, nowMs) };
  };
  return {
    cpu: figure('cpu', usage?.cpuPercent ?? null, limits.cpuThresholdPercent),
    memory: figure('memory', usage?.rssBytes ?? null, limits.memoryThresholdBytes),
  };
}

export function alertOf({ type, value, threshold, alert }: Figure, agentId: string, wallMs: number): ResourceAlert[] {
  return alert ? [{ agentId, type, currentValue: value ?? 0, threshold, timestampMs: wallMs, state: alert }] : [];
}

/** Takes back what was raised about a process that has gone, or is no longer watched. */
export function clearAlerts(
  memory: ThresholdMemory,
  agentId: string,
  limits: ResourceLimits,
  wallMs: number,
): ResourceAlert[] {
  const thresholds = { cpu: limits.cpuThresholdPercent, memory: limits.memoryThresholdBytes };
  return (['cpu', 'memory'] as const)
    .filter((type) => memory[type].raised)
    .map((type) => ({
      agentId,
      type,
      currentValue: 0,
      threshold: thresholds[type],
      timestampMs: wallMs,
      state: 'cleared',
    }));
}

function text(type: Type, value: number): string {
  return type === 'cpu' ? `${Math.round(value * 10) / 10} % CPU` : `${Math.round(value / MIB)} MiB of memory`;
}

/** `612 MiB of memory, over 500 MiB of memory for 60 s`; empty where the figure is not over. */
export function overText({ type, value, threshold, overMs }: Figure): string {
  if (overMs === null || value === null) return '';
  const lasting = overMs > 0 ? ` for ${Math.round(overMs / 1000)} s` : '';
  return `${text(type, value)}, over ${text(type, threshold)}${lasting}`;
}
