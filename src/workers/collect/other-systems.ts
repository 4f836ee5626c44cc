/**
 * The four collectors where there is no /proc: from systeminformation, and Node for CPU times, whose counters travel
 * as on Linux (systeminformation keeps its own in the module, which ends with the thread). Nothing from outside is
 * handed to it: some of its calls start shells. Fewer values than on Linux: no disk I/O, no packets.
 */
import { type CpuInfo, cpus, loadavg, release } from 'node:os';
import type { Systeminformation } from 'systeminformation';
import type { CollectTask, HostFacts } from '../../shared/contracts/jobs.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import type { CollectContext, Collected } from './context.ts';
import { cpuOutcome } from './cpu.ts';
import { type CpuTicks, TICKS_PER_SECOND } from './cpu-times.ts';
import { type InterfaceCounters, isWanted, networkOutcome } from './network.ts';

/** The part of systeminformation that is used. */
export interface SystemInformation {
  cpu(): Promise<Pick<Systeminformation.CpuData, 'manufacturer' | 'brand'>>;
  mem(): Promise<
    Pick<
      Systeminformation.MemData,
      'total' | 'free' | 'available' | 'buffers' | 'cached' | 'swaptotal' | 'swapused' | 'swapfree'
    >
  >;
  fsSize(): Promise<Pick<Systeminformation.FsSizeData, 'fs' | 'type' | 'size' | 'used' | 'available' | 'mount'>[]>;
  networkStats(
    interfaces: string,
  ): Promise<
    Pick<
      Systeminformation.NetworkStatsData,
      'iface' | 'rx_bytes' | 'tx_bytes' | 'rx_errors' | 'tx_errors' | 'rx_dropped' | 'tx_dropped'
    >[]
  >;
  osInfo(): Promise<Pick<Systeminformation.OsData, 'distro' | 'release'>>;
}

async function loadSystemInformation(): Promise<SystemInformation> {
  const module = await import('systeminformation');
  return module.default ?? module;
}

/** Maker and name of the CPU; empty where nothing is known. */
export async function cpuModel(load = loadSystemInformation): Promise<string> {
  const { manufacturer, brand } = await (await load()).cpu();
  return brand.startsWith(manufacturer) ? brand : `${manufacturer} ${brand}`.trim();
}

function cpuTicks({ times }: Pick<CpuInfo, 'times'>): CpuTicks {
  const ticks = (ms: number): number => (ms / 1000) * TICKS_PER_SECOND;
  const none = { iowait: 0, softirq: 0, steal: 0, guest: 0 };
  const { user, nice, sys, idle, irq } = times;
  return { user: ticks(user), nice: ticks(nice), system: ticks(sys), idle: ticks(idle), irq: ticks(irq), ...none };
}

export function collectOtherCpu(
  task: CollectTask,
  context: CollectContext,
  list = cpus(),
  load = loadavg(),
): Collected {
  const each = Object.fromEntries(list.map((cpu, index) => [`cpu${index}`, cpuTicks(cpu)]));
  const { shares, state } = cpuOutcome(each, list[0]?.model.trim() ?? '', context.nowMs(), task.state);
  if (!shares) return { values: null, state, problem: null };
  const ticks = Object.values(each);
  const seconds = (field: keyof CpuTicks): number => ticks.reduce((sum, cpu) => sum + cpu[field], 0) / TICKS_PER_SECOND;
  const counted = ['user', 'nice', 'system', 'idle', 'irq'] as const;
  const values = {
    ...Object.fromEntries(Object.entries(shares).filter(([key]) => !/^(iowait|softirq|steal|guest)_/.test(key))),
    ...Object.fromEntries(counted.map((field) => [field, seconds(field)])),
    cores: list.length,
    model: state.model,
    load1: load[0] ?? 0,
    load5: load[1] ?? 0,
    load15: load[2] ?? 0,
  };
  return { values, state, problem: null };
}

export async function collectOtherMemory(si: SystemInformation): Promise<Collected> {
  const { total, free, available, buffers, cached, swaptotal, swapused, swapfree } = await si.mem();
  const used = total - available;
  const values = {
    total,
    available,
    used,
    used_percent: total > 0 ? (100 * used) / total : 0,
    free,
    cached,
    buffers,
    swap_total: swaptotal,
    swap_used: swapused,
    swap_free: swapfree,
    swap_percent: swaptotal > 0 ? (100 * swapused) / swaptotal : 0,
  };
  return { values, state: null, problem: null };
}

export async function collectOtherDisk(task: CollectTask, context: CollectContext, si: SystemInformation) {
  if (task.state === null) return { values: null, state: { kind: 'disk/other', atMs: context.nowMs() }, problem: null };
  const named = task.mountPoints ?? [];
  const all = await si.fsSize();
  const disks = all
    .filter(({ mount }) => named.length === 0 || named.includes(mount))
    .map(({ fs, type, size, used, available, mount }) => ({
      mountpoint: mount,
      device: fs,
      fstype: type,
      responding: 1,
      total: size,
      used,
      free: available,
      used_percent: used + available > 0 ? (100 * used) / (used + available) : 0,
    }));
  const missing = named.filter((point) => !all.some(({ mount }) => mount === point));
  const problem =
    missing.length > 0 ? new DaemonError('D5001', `configured and not mounted: ${missing.join(', ')}`) : null;
  return { values: { disks }, state: { kind: 'disk/other', atMs: context.nowMs() }, problem };
}

export async function collectOtherNetwork(task: CollectTask, context: CollectContext, si: SystemInformation) {
  const named = task.interfaces ?? [];
  const stats = await si.networkStats('*');
  const interfaces: Record<string, InterfaceCounters> = {};
  const count = (value: number): bigint | undefined => (value >= 0 ? BigInt(Math.floor(value)) : undefined);
  for (const entry of stats.filter(({ iface }) => isWanted(iface, named) && !(named.length === 0 && iface === 'lo0'))) {
    const counts = {
      bytes_recv: count(entry.rx_bytes),
      bytes_sent: count(entry.tx_bytes),
      errin: count(entry.rx_errors),
      errout: count(entry.tx_errors),
      dropin: count(entry.rx_dropped),
      dropout: count(entry.tx_dropped),
    };
    const known = Object.entries(counts).filter(([, value]) => value !== undefined);
    interfaces[entry.iface] = { index: null, counts: Object.fromEntries(known) };
  }
  const missing = named.filter((name) => !stats.some(({ iface }) => iface === name));
  return networkOutcome(interfaces, missing, context.nowMs(), task.state);
}

/** One of the four by name. @throws whatever systeminformation throws. */
export async function collectElsewhere(
  task: CollectTask,
  context: CollectContext,
  load = loadSystemInformation,
): Promise<Collected> {
  if (task.name === 'cpu') return collectOtherCpu(task, context);
  const si = await load();
  if (task.name === 'memory') return collectOtherMemory(si);
  if (task.name === 'disk') return collectOtherDisk(task, context, si);
  return collectOtherNetwork(task, context, si);
}

export async function otherHostFacts(load = loadSystemInformation): Promise<HostFacts> {
  const { distro, release: version } = await (await load()).osInfo();
  return { os: `${distro} ${version}`.trim(), kernel: release(), virtualization: '' };
}
