import { describe, expect, test } from 'vitest';
import {
  type AgentSteps,
  type LogEntry,
  type LogLimits,
  planRotation,
  type RotationStep,
} from '../../../../src/main/agents/log-rotation.ts';

const NOW = Date.UTC(2026, 0, 31, 12);
const HOUR = 3_600_000;
const FRESH = '20260131T120000Z';
const LIMITS: LogLimits = { maxBytes: 1000, maxFiles: 3, maxAgeMs: 0 };
/** Stamps of files that are there already, oldest first. */
const [S1, S2, S3, S4] = ['20260101T000000Z', '20260102T000000Z', '20260103T000000Z', '20260104T000000Z'] as const;

const file = (name: string, size = 10, over: Partial<LogEntry> = {}): LogEntry => ({
  name,
  kind: 'file',
  size,
  mtimeMs: NOW,
  ...over,
});
const plan = (entries: LogEntry[], limits: Partial<LogLimits> = {}, ids = ['a']): AgentSteps[] =>
  planRotation(entries, { ...LIMITS, ...limits }, { nowMs: NOW, agentIds: new Set(ids) });

/** `move a.log > a.S.log`, `gz NAME`, `rm NAME (why)`, `leave NAME`: what a step does, on one line. */
function show(step: RotationStep): string {
  switch (step.do) {
    case 'leave':
      return `leave ${step.name}`;
    case 'remove':
      return `rm ${step.name} (${step.why})`;
    case 'move':
      return `${step.resume ? `resume ${step.copied}` : `move ${step.live}`} > ${step.archive}`;
    case 'compress':
      return `gz ${step.from}`;
  }
}
const shown = (agents: AgentSteps[]): string[] => agents.flatMap(({ steps }) => steps.map(show));

describe('the plan of a rotation', () => {
  test.each<[string, LogEntry[], string[]]>([
    ['an empty folder', [], []],
    ['a log within its limit', [file('a.log', 1000)], []],
    ['a log beyond it', [file('a.log', 1001)], [`move a.log > a.${FRESH}.log`, `gz a.${FRESH}.log`]],
    [
      'as many files as are kept: the oldest goes after the new one is there',
      [file('a.log', 1001), file(`a.${S1}.log.gz`), file(`a.${S2}.log.gz`), file(`a.${S3}.log.gz`)],
      [`move a.log > a.${FRESH}.log`, `rm a.${S1}.log.gz (too many)`, `gz a.${FRESH}.log`],
    ],
    [
      'more files than are kept, nothing to rotate',
      [file('a.log'), file(`a.${S4}.log.gz`), file(`a.${S1}.log`), file(`a.${S3}.log.gz`), file(`a.${S2}.log.gz`)],
      [`rm a.${S1}.log (too many)`],
    ],
    [
      'a stamp of this very second is in use',
      [file('a.log', 1001), file(`a.${FRESH}.log.gz`)],
      ['move a.log > a.20260131T120001Z.log', 'gz a.20260131T120001Z.log'],
    ],
    ['names of others', [file('README'), file('a.log.1.gz', 5000), file('daemon.log.txt', 5000)], []],
  ])('%s', (_, entries, expected) => {
    expect(shown(plan(entries))).toEqual(expected);
  });

  test('a move and a compression name every file that they touch', () => {
    expect(plan([file('a.log', 1001)])).toEqual([
      {
        agentId: 'a',
        steps: [
          {
            do: 'move',
            live: 'a.log',
            part: `a.${FRESH}.log.part`,
            copied: `a.${FRESH}.log.copied`,
            archive: `a.${FRESH}.log`,
            resume: false,
            bytes: 1001,
          },
          {
            do: 'compress',
            from: `a.${FRESH}.log`,
            temporary: `a.${FRESH}.log.gz.part`,
            to: `a.${FRESH}.log.gz`,
            bytes: 1001,
          },
        ],
      },
    ]);
  });

  test('with none kept the head is moved out and removed', () => {
    const expected = [`move a.log > a.${FRESH}.log`, `rm a.${FRESH}.log (too many)`];
    expect(shown(plan([file('a.log', 1001)], { maxFiles: 0 }))).toEqual(expected);
  });

  test('an id that begins another has its own files only', () => {
    const entries = [
      file('a.log', 1001),
      file('a-b.log', 10),
      file(`a-b.${S1}.log.gz`),
      file(`a-b.${S2}.log.gz`),
      file(`a-b.${S3}.log.gz`),
      file(`a.${S4}.log.gz`),
    ];
    expect(shown(plan(entries))).toEqual([`move a.log > a.${FRESH}.log`, `gz a.${FRESH}.log`]);
    expect(plan(entries, { maxFiles: 1 }).map(({ agentId }) => agentId)).toEqual(['a', 'a-b']);
  });

  describe('each point at which a round may have been cut short', () => {
    test.each<[string, LogEntry[], string[]]>([
      [
        'while copying',
        [file('a.log', 1001), file(`a.${S1}.log.part`, 400)],
        [`rm a.${S1}.log.part (unfinished)`, `move a.log > a.${FRESH}.log`, `gz a.${FRESH}.log`],
      ],
      [
        'copied, the live log as it was: it is not copied twice',
        [file('a.log', 1001), file(`a.${S1}.log.copied`, 900)],
        [`resume a.${S1}.log.copied > a.${S1}.log`, `gz a.${S1}.log`],
      ],
      [
        'cut, not yet renamed',
        [file('a.log', 5), file(`a.${S1}.log.copied`, 900)],
        [`resume a.${S1}.log.copied > a.${S1}.log`, `gz a.${S1}.log`],
      ],
      [
        'cut, and the live log taken away since',
        [file(`a.${S1}.log.copied`, 900)],
        [`resume a.${S1}.log.copied > a.${S1}.log`, `gz a.${S1}.log`],
      ],
      ['kept, not yet compressed', [file('a.log'), file(`a.${S1}.log`, 900)], [`gz a.${S1}.log`]],
      [
        'while compressing',
        [file('a.log'), file(`a.${S1}.log`, 900), file(`a.${S1}.log.gz.part`, 20)],
        [`rm a.${S1}.log.gz.part (unfinished)`, `gz a.${S1}.log`],
      ],
      [
        'compressed, the source not yet removed',
        [file('a.log'), file(`a.${S1}.log`, 900), file(`a.${S1}.log.gz`, 90)],
        [`rm a.${S1}.log (compressed already)`],
      ],
      [
        'before the surplus file was removed',
        [1, 2, 3, 4].map((day) => file(`a.2026010${day}T000000Z.log.gz`)),
        [`rm a.${S1}.log.gz (too many)`],
      ],
      [
        'a copy whose name was given away meanwhile: nothing is overwritten',
        [file('a.log'), file(`a.${S1}.log.copied`, 900), file(`a.${S1}.log.gz`, 90)],
        [`resume a.${S1}.log.copied > a.${FRESH}.log`, `gz a.${FRESH}.log`],
      ],
      [
        'a copy counts among the kept, and the oldest goes only once it is one of them',
        [file(`a.${S4}.log.copied`), file(`a.${S1}.log.gz`), file(`a.${S2}.log.gz`), file(`a.${S3}.log.gz`)],
        [`resume a.${S4}.log.copied > a.${S4}.log`, `rm a.${S1}.log.gz (too many)`, `gz a.${S4}.log`],
      ],
    ])('%s', (_, entries, expected) => {
      expect(shown(plan(entries))).toEqual(expected);
    });
  });

  describe('age', () => {
    const old = { mtimeMs: NOW - 25 * HOUR };
    const young = { mtimeMs: NOW - 23 * HOUR };
    const limits = { maxAgeMs: 24 * HOUR };

    test.each<[string, LogEntry[], string[], string[]]>([
      [
        'old files go',
        [file(`a.${S1}.log.gz`, 9, old), file(`a.${S2}.log.gz`, 9, young)],
        ['a'],
        [`rm a.${S1}.log.gz (too old)`],
      ],
      ['an uncompressed one as well', [file(`a.${S1}.log`, 9, old)], ['a'], [`rm a.${S1}.log (too old)`]],
      ['the live log of an agent that is quiet stays', [file('a.log', 9, old)], ['a'], []],
      ['that of an agent that exists no more goes', [file('gone.log', 9, old)], ['a'], ['rm gone.log (too old)']],
      ['but not before its time', [file('gone.log', 9, young)], ['a'], []],
      [
        'files of an agent that exists no more go by the same rules',
        [file(`gone.${S1}.log.gz`, 9, old), file(`gone.${S2}.log.gz`, 9, young)],
        ['a'],
        [`rm gone.${S1}.log.gz (too old)`],
      ],
      [
        'an old copy is kept until it is known whether the log was cut',
        [file('a.log', 9), file(`a.${S1}.log.copied`, 9, old)],
        ['a'],
        [`resume a.${S1}.log.copied > a.${S1}.log`, `gz a.${S1}.log`],
      ],
    ])('%s', (_, entries, ids, expected) => {
      expect(shown(plan(entries, limits, ids))).toEqual(expected);
    });

    test('no limit: nothing is too old', () => {
      expect(plan([file('gone.log', 9, { mtimeMs: 0 }), file(`a.${S1}.log.gz`, 9, { mtimeMs: 0 })])).toEqual([]);
    });
  });

  describe('what is no regular file is left alone', () => {
    test.each<[string, LogEntry[], string[]]>([
      ['a live log that is a link', [file('a.log', 5000, { kind: 'link' })], ['leave a.log']],
      ['a live log that is a folder', [file('a.log', 5000, { kind: 'other' })], ['leave a.log']],
      [
        'links among the kept: neither removed nor counted nor compressed',
        [1, 2, 3, 4].map((day) => file(`a.2026010${day}T000000Z.log`, 9, { kind: 'link' })),
        [S1, S2, S3, S4].map((stamp) => `leave a.${stamp}.log`),
      ],
      [
        'a link in place of the compressed file: its source is kept',
        [file(`a.${S1}.log`), file(`a.${S1}.log.gz`, 9, { kind: 'link' })],
        [`leave a.${S1}.log.gz`],
      ],
      [
        'a copy is made safe where the log is a link now',
        [file('a.log', 9, { kind: 'link' }), file(`a.${S1}.log.copied`)],
        ['leave a.log', `resume a.${S1}.log.copied > a.${S1}.log`, `gz a.${S1}.log`],
      ],
    ])('%s', (_, entries, expected) => {
      expect(shown(plan(entries))).toEqual(expected);
    });
  });
});
