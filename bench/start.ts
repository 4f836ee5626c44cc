/** From the start of the process to the Manager having its registration, and the CPU time that this took. */
import { type Result, spread } from './figures.ts';
import { readCpuMs } from './kernel.ts';
import { Stage } from './stage.ts';

export async function start(dist: string, quick: boolean): Promise<Result> {
  const times: number[] = [];
  const cpu: number[] = [];
  for (let run = 0; run < (quick ? 3 : 10); run++) {
    const stage = await Stage.make({ dist });
    try {
      const startedMs = performance.now();
      await stage.startDaemon([]);
      await stage.until(() => stage.arrival('registered') !== undefined, 'the registration');
      cpu.push(readCpuMs(stage.daemonPid));
      times.push((stage.arrival('registered') ?? Number.NaN) - startedMs);
    } finally {
      await stage.close();
    }
  }
  return {
    benchmark: 'start',
    notes: ['no agents; the configuration is written within the time'],
    figures: [
      { name: 'start to registered', unit: 'ms', spread: spread(times) },
      { name: 'CPU time by then', unit: 'ms', spread: spread(cpu) },
    ],
  };
}
