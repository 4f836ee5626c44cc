import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isAlive, readStat } from '../../../../src/shared/platform/proc.ts';
import { askMounts, escapePoint, parseTranscript } from '../../../../src/workers/collect/ask-mounts.ts';
import { spaceValues } from '../../../../src/workers/collect/space.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { standIn } from './stand-in.ts';

const statOf = (pid: number) => readStat(pid);
const answered = {
  kind: 'space',
  space: { blockBytes: 4096n, blocks: 1000n, free: 400n, available: 300n, inodes: 50n, inodesFree: 20n },
};

describe('askMounts', () => {
  test('asks nothing where there is nothing to ask', async () => {
    expect(await askMounts([], { statProgram: '/nonexistent', answerMs: 1, statOf })).toEqual([]);
  });

  test('answers and refusals, in order, without waiting for the limit', async () => {
    const program = standIn(await testFolder('ask'));
    const before = performance.now();
    const points = ['/m/one', '/m/refused', '/m/two', '/m/broken'];
    const answers = await askMounts(points, { statProgram: program.program, answerMs: 20_000, statOf });
    expect(answers).toEqual([
      answered,
      { kind: 'failed', reason: "stat: '/m/refused': Permission denied" },
      answered,
      { kind: 'failed', reason: "stat: '/m/broken': Broken" },
    ]);
    expect(performance.now() - before).toBeLessThan(15_000);
    await program.ended();
  });

  test('what hangs is named with its process, the rest is answered, the limit is kept', async () => {
    const program = standIn(await testFolder('ask'));
    program.hang('stuck');
    const before = performance.now();
    const [stuck, well] = await askMounts(['/m/stuck', '/m/well'], {
      statProgram: program.program,
      answerMs: 1500,
      statOf,
    });
    const took = performance.now() - before;
    expect(well).toEqual(answered);
    if (stuck?.kind !== 'silent') throw new Error(`not silent: ${stuck?.kind}`);
    const asking = readStat(stuck.pid);
    expect(isAlive(asking)).toBe(true);
    expect(asking?.startTicks).toBe(stuck.startTicks);
    expect(asking?.parentPid).not.toBe(process.pid);
    expect(took).toBeGreaterThanOrEqual(1490);
    expect(took).toBeLessThan(6000);
    program.release('stuck');
    await program.ended();
  });

  test('bytes that are no UTF-8, quotes, newlines, dollars reach the program as they are', async () => {
    const folder = await testFolder('ask');
    const raw = `${folder}/a b'"$(id)\`\\\n\n\xff%s`;
    mkdirSync(Buffer.from(raw, 'latin1'));
    const options = { statProgram: 'stat', answerMs: 20_000, statOf };
    const [answer, absent] = await askMounts([raw, `${folder}/absent`], options);
    expect(answer).toMatchObject({ kind: 'space' });
    expect(absent).toMatchObject({ kind: 'failed', reason: expect.stringContaining('No such file') });
  });

  test('the real program says what df(1) says', async (context) => {
    let size: number;
    try {
      size = Number(execFileSync('df', ['-B1', '--output=size', '/'], { encoding: 'utf8' }).split('\n')[1]);
    } catch {
      return context.skip('there is no df(1) of the coreutils');
    }
    const [answer] = await askMounts(['/'], { statProgram: 'stat', answerMs: 20_000, statOf });
    if (answer?.kind !== 'space') throw new Error('no answer');
    expect(spaceValues(answer.space)?.['total']).toBe(size);
  });

  test('a program that is missing is the reason given', async () => {
    const [answer] = await askMounts(['/m/x'], { statProgram: '/nonexistent/stat', answerMs: 20_000, statOf });
    expect(answer).toMatchObject({ kind: 'failed', reason: expect.stringContaining('/nonexistent/stat') });
  });
});

test('escapePoint leaves plain names alone', () => {
  expect(escapePoint('/mnt/a-b_c.d')).toBe('/mnt/a-b_c.d');
  expect(escapePoint('/a b\\\n\xff')).toBe('/a\\0040b\\0134\\0012\\0377');
});

test('parseTranscript: torn lines are complaints, never answers', () => {
  const { pids, spaces, complaints } = parseTranscript('asked 0 12\nanswer 0 1 2 3\nanswer 1 1 2 3 4 5 6\nasked 1');
  expect([...pids]).toEqual([[0, 12]]);
  expect([...spaces.keys()]).toEqual([1]);
  expect(complaints).toEqual(['answer 0 1 2 3', 'asked 1']);
});

test('parseTranscript: an answer in the middle of a complaint is an answer, a name that looks like one is not', () => {
  const text =
    "asked 0 12\nstat: cannot readasked 1 13\nanswer 1 1 2 3 4 5 6\n '/m/answer 0 9 9 9 9 9 9': No such file\nasked 2 14\n";
  const { pids, spaces, complaints } = parseTranscript(text);
  expect([...pids.keys()]).toEqual([0, 1, 2]);
  expect([...spaces.keys()]).toEqual([1]);
  expect(complaints).toEqual(["stat: cannot read '/m/answer 0 9 9 9 9 9 9': No such file"]);
});
