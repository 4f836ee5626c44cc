/** The built daemon as shipped, with two agents, doing what it does when nothing happens. */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Figure, type Result, single, spread } from './figures.ts';
import { countDescriptors, countThreads, type Memory, readCpuMs, readMemory, readPeak, resetPeak } from './kernel.ts';
import { Stage } from './stage.ts';

const SAMPLE_MS = 100;
const QUICK = { intervalSeconds: 10, warmUpMs: 6000, windowMs: 25_000 };
const FULL = { intervalSeconds: 60, warmUpMs: 30_000, windowMs: 180_000 };
const TARGET_RSS_MB = 30;
const TARGET_CPU_PERCENT = 1;

const MB = 1e6;
const inMB = (samples: readonly Memory[], field: keyof Memory): number[] => samples.map((each) => each[field] / MB);

export async function idle(dist: string, quick: boolean): Promise<Result> {
  const { intervalSeconds, warmUpMs, windowMs } = quick ? QUICK : FULL;
  const stage = await Stage.make({ dist, ...(quick ? { intervalSeconds } : {}) });
  const floor = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e9)'], { stdio: 'ignore' });
  try {
    await stage.startDaemon();
    await stage.until(() => stage.count('report') > 0, 'the first report');
    await sleep(warmUpMs);
    const pid = stage.daemonPid;
    const floorPid = floor.pid ?? 0;
    const mayReset = resetPeak(pid);
    const cpuBefore = readCpuMs(pid);
    const startedMs = performance.now();
    const reportsBefore = stage.count('report');
    const samples: Memory[] = [];
    const threads: number[] = [];
    const floorRss: number[] = [];
    while (performance.now() - startedMs < windowMs) {
      samples.push(readMemory(pid));
      threads.push(countThreads(pid));
      floorRss.push(readMemory(floorPid).rssBytes / MB);
      await sleep(SAMPLE_MS);
    }
    const cpuPercent = (100 * (readCpuMs(pid) - cpuBefore)) / (performance.now() - startedMs);
    const peakMB = readPeak(pid) / MB;
    const rss = spread(inMB(samples, 'rssBytes'));
    const floorSpread = spread(floorRss);
    const figures: Figure[] = [
      {
        name: 'resident (RSS)',
        unit: 'MB',
        spread: rss,
        target: { text: `< ${TARGET_RSS_MB} MB`, holds: rss.median < TARGET_RSS_MB },
      },
      {
        name: 'peak (VmHWM)',
        unit: 'MB',
        spread: single(peakMB),
        target: { text: `< ${TARGET_RSS_MB} MB`, holds: peakMB < TARGET_RSS_MB },
      },
      { name: 'anonymous', unit: 'MB', spread: spread(inMB(samples, 'anonymousBytes')) },
      { name: 'file-backed', unit: 'MB', spread: spread(inMB(samples, 'fileBytes')) },
      { name: 'proportional (PSS)', unit: 'MB', spread: spread(inMB(samples, 'pssBytes')) },
      {
        name: 'CPU of one core',
        unit: '%',
        spread: single(cpuPercent),
        target: { text: `< ${TARGET_CPU_PERCENT} %`, holds: cpuPercent < TARGET_CPU_PERCENT },
      },
      { name: 'threads', unit: '', spread: spread(threads) },
      { name: 'descriptors', unit: '', spread: single(countDescriptors(pid)) },
      { name: 'an empty node process', unit: 'MB', spread: floorSpread },
      { name: 'RSS, ratio to the empty one', unit: '', spread: single(rss.median / floorSpread.median) },
      await logged(stage, 'collection, as logged', 'collection', 'durationMs', 500),
      await logged(stage, 'report round trip, as logged', 'reported', 'roundTripMs', 200),
      await logged(stage, 'heartbeat round trip, as logged', 'heartbeat', 'roundTripMs', null),
    ];
    const notes = [
      `two sample agents, mutual TLS, heartbeats and collectors every ${intervalSeconds} s${quick ? ' (the default is 60 s)' : ''}`,
      `sampled each ${SAMPLE_MS} ms for ${windowMs / 1000} s after a warm-up; ${stage.count('report') - reportsBefore} reports in the window`,
      `the peak ${mayReset ? 'is that of the window' : 'includes the start: the kernel did not let it be reset'}`,
    ];
    return { benchmark: 'idle', notes, figures };
  } finally {
    floor.kill('SIGKILL');
    await stage.close();
  }
}

async function logged(
  stage: Stage,
  name: string,
  event: string,
  field: string,
  targetMs: number | null,
): Promise<Figure> {
  const values = (await stage.logged(event)).map((line) => Number(line[field]));
  const found = spread(values);
  const target = targetMs === null ? {} : { target: { text: `< ${targetMs} ms`, holds: found.median < targetMs } };
  return { name, unit: 'ms', spread: found, ...target };
}
