import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { describe, expect, test } from 'vitest';
import { hostContext } from '../../../../src/workers/collect/context.ts';
import { collectCpu, parseCpuInfo, parseLoad } from '../../../../src/workers/collect/cpu.ts';
import { fixtureContext, task, valuesOf } from './support.ts';

const noModel = async (): Promise<string> => '';

/** Readings of the trees one after the other, a minute apart; the values of the last. */
async function readings(...trees: string[]) {
  let state: unknown = null;
  let last = await collectCpu(task('cpu'), fixtureContext(trees[0] ?? ''), noModel);
  for (const [index, tree] of trees.entries()) {
    last = await collectCpu(task('cpu', state), fixtureContext(tree, index * 60_000), noModel);
    state = structuredClone(last.state);
  }
  return last;
}

describe('collectCpu', () => {
  test('the first run only takes the counters', async () => {
    const first = await readings('cpu-plain/before');
    expect(first.values).toBeNull();
    expect(first.state).toMatchObject({ kind: 'cpu/1', model: 'Example CPU @ 2.00GHz' });
  });

  test('shares of the interval, with guest taken out of user and nice', async () => {
    const values = valuesOf(await readings('cpu-plain/before', 'cpu-plain/after'));
    // per field over both CPUs: user 160 - 30 of guest, nice 30 - 10, system 60, idle 300, iowait 40, irq 4,
    // softirq 6, steal 20, guest 40; 620 in all
    expect(values['usage_percent']).toBeCloseTo((100 * 280) / 620, 9);
    expect(values['user_percent']).toBeCloseTo((100 * 130) / 620, 9);
    expect(values['nice_percent']).toBeCloseTo((100 * 20) / 620, 9);
    expect(values['system_percent']).toBeCloseTo((100 * 60) / 620, 9);
    expect(values['idle_percent']).toBeCloseTo((100 * 300) / 620, 9);
    expect(values['iowait_percent']).toBeCloseTo((100 * 40) / 620, 9);
    expect(values['irq_percent']).toBeCloseTo((100 * 4) / 620, 9);
    expect(values['softirq_percent']).toBeCloseTo((100 * 6) / 620, 9);
    expect(values['steal_percent']).toBeCloseTo((100 * 20) / 620, 9);
    expect(values['guest_percent']).toBeCloseTo((100 * 40) / 620, 9);
  });

  test('seconds since boot, cores, model, speed, load, pressure', async () => {
    const values = valuesOf(await readings('cpu-plain/before', 'cpu-plain/after'));
    expect(values).toMatchObject({
      user: 10.3, // (1160 - 130) / 100
      nice: 0.8,
      system: 5.6,
      idle: 83,
      iowait: 2.4,
      irq: 0.14,
      softirq: 0.26,
      steal: 0.9,
      guest: 1.8,
      cores: 2,
      model: 'Example CPU @ 2.00GHz',
      mhz: 2250.25,
      load1: 0.5,
      load5: 1.25,
      load15: 2.75,
      pressure_cpu_some_avg10: 1.5,
      pressure_cpu_some_avg60: 0.75,
      pressure_memory_some_avg60: 0.25,
      pressure_memory_full_avg60: 0.2,
    });
    // there is no `full` for cpu, and the file for io is there but cannot be read
    expect(Object.keys(values).filter((key) => /^pressure_(cpu_full|io)/.test(key))).toEqual([]);
  });

  test.each<[string, string[], number]>([
    ['a CPU that goes and one that comes do not count', ['cpu-hotplug/before', 'cpu-hotplug/after'], 40],
    ['idle that falls a little counts as nothing', ['cpu-backwards/before', 'cpu-backwards/after'], 50],
    [
      'and is not counted again when it is made up for',
      ['cpu-backwards/before', 'cpu-backwards/after', 'cpu-backwards/later'],
      0, // 90 of idle above what it had fallen from
    ],
    ['a CPU that began anew does not count', ['cpu-restarted/before', 'cpu-restarted/after'], 50],
    ['where there is only the sum it is used', ['cpu-sum-only/before', 'cpu-sum-only/after'], 75],
  ])('%s', async (_, trees, usage) => {
    const values = valuesOf(await readings(...trees));
    expect(values['usage_percent']).toBeCloseTo(usage, 9);
  });

  test('idle that is made up for counts from where it had been', async () => {
    const { state } = await readings('cpu-backwards/before', 'cpu-backwards/after');
    expect(state).toMatchObject({ cpus: { cpu0: { idle: 10_000, iowait: 600 } } });
  });

  test('no cores, model or load are invented', async () => {
    const values = valuesOf(await readings('cpu-sum-only/before', 'cpu-sum-only/after'));
    expect(Object.keys(values).filter((key) => /^(cores|model|mhz|load)/.test(key))).toEqual([]);
  });

  test('no shares where no time was counted', async () => {
    const values = valuesOf(await readings('cpu-plain/before', 'cpu-plain/before'));
    expect(Object.keys(values).filter((key) => key.endsWith('_percent'))).toEqual([]);
    expect(values['idle']).toBe(80);
  });

  test('a model that /proc does not name is looked up once and kept', async () => {
    let asked = 0;
    const lookUp = async (): Promise<string> => {
      asked++;
      return 'Small Core A1';
    };
    const first = await collectCpu(task('cpu'), fixtureContext('cpu-arm'), lookUp);
    const second = await collectCpu(task('cpu', first.state), fixtureContext('cpu-arm', 1000), lookUp);
    expect(valuesOf(second)['model']).toBe('Small Core A1');
    expect(asked).toBe(1);
  });

  test.each<[string, unknown]>([
    ['a number', 7],
    ['another version', { kind: 'cpu/0', atMs: 1, cpus: {}, model: '' }],
    ['no time', { kind: 'cpu/1', cpus: {}, model: '' }],
    ['CPUs that are none', { kind: 'cpu/1', atMs: 1, cpus: { cpu0: { user: 'x' } }, model: '' }],
    ['another collector', { kind: 'disk/1', atMs: 1, devices: {}, quarantine: {} }],
  ])('a state that is %s counts as none', async (_, state) => {
    const outcome = await collectCpu(task('cpu', state), fixtureContext('cpu-plain/after'), noModel);
    expect(outcome.values).toBeNull();
  });

  test('without /proc/stat it fails', async () => {
    await expect(collectCpu(task('cpu'), fixtureContext('memory-plain'), noModel)).rejects.toMatchObject({
      code: 'D5001',
      message: expect.stringContaining('memory-plain/stat'),
    });
  });

  test('on this host: as many CPUs, the load and the times as read apart', async (context) => {
    if (process.platform !== 'linux') return context.skip('not Linux');
    const online = readFileSync('/proc/stat', 'utf8').match(/^cpu\d+/gm) ?? [];
    const first = await collectCpu(task('cpu'), hostContext(), noModel);
    const values = valuesOf(await collectCpu(task('cpu', first.state), hostContext(), noModel));
    expect(values['cores']).toBe(online.length);
    expect(Math.abs(Number(values['load15']) - (loadavg()[2] ?? Number.NaN))).toBeLessThan(0.5);
    const userSeconds = cpus().reduce((sum, cpu) => sum + cpu.times.user / 1000, 0);
    expect(Math.abs(Number(values['user']) + Number(values['guest']) - userSeconds)).toBeLessThan(2);
  });
});

test.each<[string, string, string, number | null]>([
  ['x86', 'model name\t: A\ncpu MHz\t\t: 1000.0\nmodel name\t: B\ncpu MHz\t\t: 2000.0\n', 'A', 1500],
  ['MIPS', 'system type : x\ncpu model\t\t: MIPS 24Kc V7.4\n', 'MIPS 24Kc V7.4', null],
  ['ARM', 'processor\t: 0\nFeatures\t: fp\n', '', null],
  ['an empty name', 'model name\t:\ncpu MHz\t\t:\n', '', null],
])('parseCpuInfo: %s', (_, text, model, mhz) => {
  expect(parseCpuInfo(text)).toEqual({ model, mhz });
});

test('parseLoad leaves out what is no number', () => {
  expect(parseLoad('0.10 x')).toEqual({ load1: 0.1 });
  expect(parseLoad('0.10 0.20 0.30 1/2 3\n')).toEqual({ load1: 0.1, load5: 0.2, load15: 0.3 });
});
