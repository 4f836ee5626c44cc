import { expect, test } from 'vitest';
import { Child, expectNoProcessWith, killProcessesWith, processesWith } from '../../support/processes.ts';
import { waitFor } from '../../support/wait-until.ts';

const marker = (): string => `marker-${process.pid}-${Math.random()}`;

test('output, lines and JSON apart, and the exit', async () => {
  const child = new Child([
    '-e',
    'console.log("plain"); console.log(JSON.stringify({a: 1})); console.error("bad"); process.exitCode = 3',
  ]);
  expect(await child.ended()).toEqual({ code: 3, signal: null });
  await waitFor(() => child.stdout.length === 2 && child.stderr.length === 1, { what: 'the output' });
  expect(child.objects).toEqual([{ a: 1 }]);
  expect(child.stderr).toEqual(['bad']);
});

test('an object that is waited for, and one that never comes because the child has ended', async () => {
  const child = new Child([
    '-e',
    'for (const n of [1, 2, 2]) console.log(JSON.stringify({n})); console.log("{broken")',
  ]);
  expect(await child.object(({ n }) => n === 2, { what: 'two' })).toEqual({ n: 2 });
  await child.ended();
  await waitFor(() => child.stdout.length === 4, { what: 'the output' });
  expect(await child.object(({ n }) => n === 2, { what: 'two', from: 2 })).toEqual({ n: 2 });
  await expect(child.object(({ n }) => n === 3, { what: 'three' })).rejects.toThrow(
    /it ended before three:[\s\S]*\{broken/,
  );
});

test('a child that does not end in time is told with what it wrote, and killed', async () => {
  const child = new Child(['-e', 'process.on("SIGTERM", () => {}); console.log("ready"); setInterval(() => {}, 1e6)']);
  await waitFor(() => child.stdout.includes('ready'), { what: 'the child' });
  await expect(child.kill('SIGTERM', 50)).rejects.toThrow(/the end of pid \d+[\s\S]*ready/);
  expect(child.exit).toEqual({ code: null, signal: 'SIGKILL' });
});

test.each([
  [
    'environment',
    (mark: string) => new Child(['-e', 'console.log(1); setInterval(() => {}, 1e6)'], { env: { MARK: mark } }),
  ],
  ['command line', (mark: string) => new Child(['-e', 'console.log(1); setInterval(() => {}, 1e6)', mark])],
])('a process with the marker in its %s is found while it lives', async (_, start) => {
  const mark = marker();
  const child = start(mark);
  await waitFor(() => child.stdout.length > 0, { what: 'the child' });
  expect(processesWith(mark)).toEqual([child.pid]);
  await expect(expectNoProcessWith(mark, 20)).rejects.toThrow(`${child.pid} `);
  killProcessesWith(mark);
  expect(await child.ended()).toEqual({ code: null, signal: 'SIGKILL' });
  await expectNoProcessWith(mark);
  expect(processesWith(mark)).toEqual([]);
});

test('a program that is not there', async () => {
  const child = new Child([], { program: '/nowhere/program' });
  await expect(child.exited).rejects.toThrow('ENOENT');
});
