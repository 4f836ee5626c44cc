import { describe, expect, test } from 'vitest';
import {
  type Assessment,
  alertsToClear,
  assess,
  everyCheckPasses,
  type HealthFacts,
  type HealthLimits,
  type HealthMemory,
} from '../../../../src/main/agents/health-policy.ts';
import type { CheckName, CheckResult, HealthFinding } from '../../../../src/shared/contracts/health.ts';

const LIMITS: HealthLimits = {
  intervalMs: 30_000,
  heartbeatTimeoutMs: 90_000,
  cpuThresholdPercent: 50,
  memoryThresholdBytes: 500 * 1024 * 1024,
  thresholdDurationMs: 60_000,
  failures: 0,
};
const QUIET = { ...LIMITS, heartbeatTimeoutMs: 0, cpuThresholdPercent: 0, memoryThresholdBytes: 0 };

const ALIVE: HealthFinding['process'] = { alive: true, state: 'S', reason: '' };
const GONE: HealthFinding['process'] = { alive: false, state: '', reason: 'pid 7 has ended' };
const HTTP_OK = { ok: true, status: 200, reason: '', durationMs: 3 };
const HTTP_503 = { ok: false, status: 503, reason: 'status 503', durationMs: 3 };

function using(cpuPercent: number | null, rssBytes = 1e6): HealthFinding['usage'] {
  const none = { diskReadBytes: null, diskWriteBytes: null, openFiles: null };
  return { cpuPercent, rssBytes, vmsBytes: 1e9, ...none, threads: 1 };
}

interface Step extends Partial<HealthFinding> {
  /** Seconds on the monotonic clock; the process starts at 1000. */
  at: number;
  /** Seconds on it of the last heartbeat. */
  heartbeat?: number;
  /** Unix seconds; default: the monotonic ones and a million. */
  wall?: number;
  expected?: boolean;
  limits?: HealthLimits;
  started?: number;
}

/** An agent's history: what each step came to. */
function history(steps: readonly Step[], limits = LIMITS, first: HealthMemory | null = null): Assessment[] {
  let memory = first;
  return steps.map(({ at, heartbeat, wall = at + 1e6, expected = true, started = 1000, limits: own, ...found }) => {
    const finding: HealthFinding = {
      id: 'a',
      pid: 7,
      startTicks: 70,
      process: ALIVE,
      usage: using(1),
      http: null,
      counters: null,
      ...found,
    };
    const facts: HealthFacts = {
      nowMs: at * 1000,
      wallMs: wall * 1000,
      startedMs: started * 1000,
      lastHeartbeatMs: heartbeat === undefined ? null : heartbeat * 1000,
      heartbeatsExpected: expected,
      limits: own ?? limits,
    };
    const assessment = assess(memory, finding, facts);
    memory = assessment.memory;
    return assessment;
  });
}

/** The verdicts as the check's name, or `-` where healthy. */
function verdicts(assessments: readonly Assessment[]): string {
  return assessments.map(({ verdict }) => (verdict.kind === 'healthy' ? '-' : verdict.check)).join(' ');
}

function result(assessment: Assessment | undefined, check: CheckName): CheckResult {
  const found = assessment?.results.find((one) => one.check === check);
  if (!found) throw new Error(`no result of ${check}`);
  return found;
}
const states = (assessments: readonly Assessment[], check: CheckName): string =>
  assessments.map((assessment) => result(assessment, check).state).join(' ');

describe('process', () => {
  test('one that has gone is unhealthy at once, and says why; nothing else is judged then', () => {
    const [gone] = history([{ at: 1500, process: GONE, usage: null, http: null, heartbeat: 1001 }]);
    expect(gone?.verdict).toEqual({
      kind: 'unhealthy',
      check: 'process',
      reason: 'process check failed: pid 7 has ended',
      code: 'D3003',
    });
    expect(gone?.results.map(({ check, state }) => [check, state])).toEqual([
      ['process', 'failing'],
      ['heartbeat', 'unknown'],
      ['resources', 'unknown'],
      ['http', 'unknown'],
    ]);
  });

  test('one that could not be looked at is not taken for gone, however often', () => {
    const unread = { process: { alive: null, state: '', reason: 'EMFILE' }, usage: null };
    const all = history([1010, 1040, 1070, 1100].map((at) => ({ at, ...unread, heartbeat: at })));
    expect(verdicts(all)).toBe('- - - -');
    expect(states(all, 'process')).toBe('unknown unknown unknown unknown');
    expect(states(all, 'resources')).toBe('unknown unknown unknown unknown');
    expect(all[0] && everyCheckPasses(all[0].results)).toBe(false);
  });

  test('a stopped one lives, and it shows', () => {
    const [stopped] = history([{ at: 1010, process: { alive: true, state: 'T', reason: 'stopped by a signal' } }]);
    expect(stopped?.verdict).toEqual({ kind: 'healthy' });
    expect(result(stopped, 'process')).toMatchObject({ state: 'ok', reason: 'stopped by a signal' });
  });
});

describe('heartbeat', () => {
  test.each<[string, Step[], string, string]>([
    [
      'one that comes in time is well',
      [
        { at: 1030, heartbeat: 1020 },
        { at: 1060, heartbeat: 1050 },
      ],
      'ok ok',
      '- -',
    ],
    [
      'silence counts from the last one, and only beyond the limit',
      [
        { at: 1030, heartbeat: 1010 },
        { at: 1060, heartbeat: 1010 },
        { at: 1100, heartbeat: 1010 },
        { at: 1101, heartbeat: 1010 },
      ],
      'ok ok ok failing',
      '- - - heartbeat',
    ],
    [
      'one that never came counts from the start',
      [{ at: 1030 }, { at: 1060 }, { at: 1090 }, { at: 1091 }],
      'unknown unknown unknown failing',
      '- - - heartbeat',
    ],
    [
      'where the type sends none by nature, only after a first',
      [
        { at: 1030, expected: false },
        { at: 1090, expected: false },
        { at: 1150, expected: false, heartbeat: 1140 },
        { at: 1210, expected: false, heartbeat: 1140 },
        { at: 1240, expected: false, heartbeat: 1140 },
      ],
      'off off ok ok failing',
      '- - - - heartbeat',
    ],
    [
      'one of an older process is none',
      [
        { at: 1030, heartbeat: 999 },
        { at: 1060, heartbeat: 999 },
        { at: 1095, heartbeat: 999 },
      ],
      'unknown unknown failing',
      '- - heartbeat',
    ],
  ])('%s', (_, steps, expectedStates, expectedVerdicts) => {
    const all = history(steps);
    expect(states(all, 'heartbeat')).toBe(expectedStates);
    expect(verdicts(all)).toBe(expectedVerdicts);
  });

  test('0 switches it off', () => {
    const all = history([{ at: 1030 }, { at: 1060 }, { at: 5000 }], { ...LIMITS, heartbeatTimeoutMs: 0 });
    expect(states(all, 'heartbeat')).toBe('off off off');
    expect(verdicts(all)).toBe('- - -');
  });

  test.each([
    ['never came', {}, 'no heartbeat in the 95 s since its start'],
    ['stopped coming', { heartbeat: 1002 }, 'no heartbeat for 93 s'],
  ])('says that it %s', (_, more, reason) => {
    const [, , last] = history([
      { at: 1030, ...more },
      { at: 1060, ...more },
      { at: 1095, ...more },
    ]);
    expect(last?.verdict).toMatchObject({ reason: `heartbeat check failed: ${reason}` });
  });

  test('`failures` asks for as many failing checks in a row', () => {
    const limits = { ...LIMITS, failures: 2 };
    const late = [1030, 1060, 1090, 1110].map((at) => ({ at, heartbeat: 1001 }));
    expect(verdicts(history(late, limits))).toBe('- - - -');
    expect(verdicts(history([...late, { at: 1140, heartbeat: 1001 }], limits))).toBe('- - - - heartbeat');
    expect(verdicts(history([...late, { at: 1140, heartbeat: 1130 }, { at: 1230, heartbeat: 1130 }], limits))).toBe(
      '- - - - - -',
    );
  });
});

describe('time', () => {
  test.each([
    ['an hour back', -3600],
    ['a year on', 31_536_000],
  ])('a wall clock that is set %s changes no verdict', (_, step) => {
    const steps: Step[] = [
      { at: 1030, heartbeat: 1025, usage: using(80), http: HTTP_503 },
      { at: 1060, heartbeat: 1055, usage: using(80), http: HTTP_503 },
      { at: 1089, heartbeat: 1085, usage: using(80), http: HTTP_OK },
      { at: 1091, heartbeat: 1085, usage: using(80), http: HTTP_OK },
    ];
    const stepped = steps.map((one, n) => ({ ...one, wall: one.at + 1e6 + (n > 0 ? step : 0) }));
    const [plain, set] = [history(steps), history(stepped)];
    expect(verdicts(plain)).toBe('- - - resources');
    expect(set.map(({ verdict }) => verdict)).toEqual(plain.map(({ verdict }) => verdict));
    expect(set[3]?.memory.thresholds).toEqual(plain[3]?.memory.thresholds);
  });

  test('after a gap the silence in it does not count, and the limit runs anew', () => {
    const steps = [
      { at: 1030, heartbeat: 1025 },
      { at: 9000, heartbeat: 1025 },
      { at: 9030, heartbeat: 1025 },
      { at: 9060, heartbeat: 1025 },
      { at: 9090, heartbeat: 1025 },
      { at: 9091, heartbeat: 1025 },
    ];
    expect(verdicts(history(steps))).toBe('- - - - - heartbeat');
  });

  test('a check that was late or left out is no gap', () => {
    const late = [
      { at: 1030, heartbeat: 1005 },
      { at: 1099, heartbeat: 1005 },
    ];
    expect(verdicts(history(late))).toBe('- heartbeat');
    const slow = { ...LIMITS, intervalMs: 1000, heartbeatTimeoutMs: 5000 };
    expect(
      verdicts(
        history(
          [
            { at: 1001, heartbeat: 1001 },
            { at: 1007, heartbeat: 1001 },
          ],
          slow,
        ),
      ),
    ).toBe('- heartbeat');
  });

  test('time over a threshold, and failures, do not go on through a gap', () => {
    const over = { usage: using(80), http: HTTP_503 };
    const steps = [1030, 1060, 9000, 9030, 9059].map((at) => ({ at, ...over, heartbeat: at }));
    const all = history(steps);
    expect(verdicts(all)).toBe('- - - - http');
    expect(all.map((one) => result(one, 'http').failures)).toEqual([1, 2, 1, 2, 3]);
    expect(all.flatMap(({ alerts }) => alerts.map(({ state }) => state))).toEqual(['raised']);
    expect(
      verdicts(history([...steps.map((one) => ({ ...one, http: null })), { at: 9060, ...over, heartbeat: 9060 }])),
    ).toBe('- - - - - resources');
  });
});

describe('resources', () => {
  const busy = (at: number, cpu: number | null = 80): Step => ({ at, heartbeat: at, usage: using(cpu) });

  test('over a threshold alerts at once and once; unhealthy when it lasts', () => {
    const all = history([busy(1030, null), busy(1060), busy(1090), busy(1120), busy(1150, 10)]);
    expect(verdicts(all)).toBe('- - - resources -');
    expect(states(all, 'resources')).toBe('ok failing failing failing ok');
    expect(all.map(({ alerts }) => alerts.map(({ type, state, currentValue }) => [type, state, currentValue]))).toEqual(
      [[], [['cpu', 'raised', 80]], [], [], [['cpu', 'cleared', 10]]],
    );
    expect(all[3]?.verdict).toMatchObject({ reason: 'resources check failed: 80 % CPU, over 50 % CPU for 60 s' });
    expect(all[1]?.alerts[0]).toMatchObject({ agentId: 'a', threshold: 50, timestampMs: 1_001_060_000 });
  });

  test('a single check below it begins the time anew', () => {
    const all = history([busy(1030), busy(1060), busy(1080, 50), busy(1100), busy(1130), busy(1159), busy(1160)]);
    expect(verdicts(all)).toBe('- - - - - - resources');
  });

  test('memory has its own, and both are named', () => {
    const usage = using(80, 612 * 1024 * 1024);
    const [first] = history([{ at: 1030, usage, heartbeat: 1030 }]);
    expect(result(first, 'resources').reason).toBe(
      '80 % CPU, over 50 % CPU; 612 MiB of memory, over 500 MiB of memory',
    );
    expect(first?.alerts.map(({ type }) => type)).toEqual(['cpu', 'memory']);
  });

  test('a duration of 0 acts at once, a threshold of 0 never', () => {
    expect(verdicts(history([busy(1030)], { ...LIMITS, thresholdDurationMs: 0 }))).toBe('resources');
    const off = history([busy(1030), busy(1120)], { ...LIMITS, cpuThresholdPercent: 0, thresholdDurationMs: 0 });
    expect(verdicts(off)).toBe('- -');
    expect(states(history([busy(1030)], QUIET), 'resources')).toBe('off');
  });

  test('with CPU alone watched, the first look cannot tell', () => {
    expect(states(history([busy(1030, null), busy(1060)], { ...LIMITS, memoryThresholdBytes: 0 }), 'resources')).toBe(
      'unknown failing',
    );
  });
});

describe('http', () => {
  const asked = (at: number, http: HealthFinding['http']): Step => ({ at, heartbeat: at, http });
  const times = [1030, 1060, 1090, 1120, 1150];

  test.each([
    ['3 in a row by itself', 0, 'F F F', '- - http'],
    ['a success begins anew', 0, 'F F O F F', '- - - - -'],
    ['1 where configured', 1, 'F', 'http'],
    ['5 where configured', 5, 'F F F F F', '- - - - http'],
  ])('%s', (_, failures, answers, expected) => {
    const steps = answers.split(' ').map((answer, n) => asked(times[n] ?? 0, answer === 'F' ? HTTP_503 : HTTP_OK));
    expect(verdicts(history(steps, { ...LIMITS, failures }))).toBe(expected);
  });

  test('says how often', () => {
    const all = history([1030, 1060, 1090].map((at) => asked(at, HTTP_503)));
    expect(all[2]?.verdict).toMatchObject({ reason: 'http check failed: status 503, 3 times in a row' });
    expect(states(history([asked(1030, null)]), 'http')).toBe('off');
  });

  test('a starting agent counts as started only with an answer', () => {
    const [failing, passing] = history([asked(1030, HTTP_503), asked(1060, HTTP_OK)]);
    expect(failing?.verdict.kind).toBe('healthy');
    expect(failing && everyCheckPasses(failing.results)).toBe(false);
    expect(passing && everyCheckPasses(passing.results)).toBe(true);
  });
});

describe('memory', () => {
  test('results keep since when, by the wall clock, until the state changes', () => {
    const all = history([
      { at: 1030, heartbeat: 1030, http: HTTP_OK },
      { at: 1060, heartbeat: 1060, http: HTTP_503 },
      { at: 1090, heartbeat: 1090, http: { ...HTTP_503, reason: 'status 500' } },
    ]);
    expect(all.map((one) => result(one, 'http'))).toEqual([
      { check: 'http', state: 'ok', reason: '', sinceMs: 1_001_030_000, failures: 0 },
      { check: 'http', state: 'failing', reason: 'status 503', sinceMs: 1_001_060_000, failures: 1 },
      { check: 'http', state: 'failing', reason: 'status 500', sinceMs: 1_001_060_000, failures: 2 },
    ]);
    expect(all[2]?.memory.results).toEqual(all[2]?.results);
  });

  test('begins anew with a new process, whose predecessor’s alerts are taken back', () => {
    const ill = { usage: using(80), http: HTTP_503 };
    for (const other of [{ startTicks: 71 }, { pid: 8 }]) {
      const all = history([
        { at: 1030, heartbeat: 1030, ...ill },
        { at: 1060, heartbeat: 1060, ...ill },
        { at: 1100, ...ill, ...other, started: 1095 },
        { at: 1130, ...ill, ...other, started: 1095 },
      ]);
      expect(verdicts(all)).toBe('- - - -');
      expect(all.map((one) => result(one, 'http').failures)).toEqual([1, 2, 1, 2]);
      expect(states(all, 'heartbeat')).toBe('ok ok unknown unknown');
      expect(all[2]?.alerts.map(({ state, currentValue }) => [state, currentValue])).toEqual([
        ['cleared', 0],
        ['raised', 80],
      ]);
    }
  });

  test('the alerts of a process that has gone are taken back once', () => {
    const gone = { process: GONE, usage: null };
    const all = history([
      { at: 1030, usage: using(80), heartbeat: 1030 },
      { at: 1060, ...gone },
      { at: 1090, ...gone },
    ]);
    expect(all.map(({ alerts }) => alerts.map(({ state }) => state))).toEqual([['raised'], ['cleared'], []]);
  });

  test('so are those of an agent that is no longer looked at', () => {
    const [busy] = history([{ at: 1030, usage: using(80), heartbeat: 1030 }]);
    expect(alertsToClear(busy?.memory ?? null, 'a', LIMITS, 5)).toMatchObject([{ type: 'cpu', state: 'cleared' }]);
    expect(alertsToClear(null, 'a', LIMITS, 5)).toEqual([]);
  });

  test('is plain data', () => {
    const [one] = history([{ at: 1030, usage: using(80), heartbeat: 1030, http: HTTP_OK }]);
    expect(JSON.parse(JSON.stringify(one?.memory))).toEqual(one?.memory);
  });

  test('of several failing checks the first counts: process, heartbeat, resources, http', () => {
    const ill = { usage: using(80), http: HTTP_503, heartbeat: 1001 };
    const at = [1030, 1060, 1092];
    expect(verdicts(history(at.map((one) => ({ at: one, ...ill }))))).toBe('- - heartbeat');
    const quiet = { ...LIMITS, heartbeatTimeoutMs: 0 };
    expect(
      verdicts(
        history(
          at.map((one) => ({ at: one, ...ill })),
          quiet,
        ),
      ),
    ).toBe('- - resources');
  });
});
