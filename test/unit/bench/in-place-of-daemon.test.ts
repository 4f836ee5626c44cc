import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { withScope } from '../../../bench/bounded.ts';
import { tempFolder } from '../../../bench/host.ts';
import { runInPlaceOfDaemon } from '../../../bench/in-place-of-daemon.ts';
import { ownNode } from '../../../bench/node-binary.ts';
import type { BenchContext } from '../../../bench/report.ts';
import { QUICK } from '../../../bench/settings.ts';
import { testFolder } from '../../support/temp-folder.ts';
import { waitFor } from '../../support/wait-until.ts';

const LAUNCHER = resolve('scripts/launcher.sh');

interface Answer {
  event: 'answer';
  order: object;
  node: string;
  arguments: string[];
  arenas: string;
}

/** What it is to do, as the bundle of a release; gives the answer. */
function run(program: string, signal: AbortSignal = new AbortController().signal): Promise<Answer> {
  return withScope(async (scope) => {
    const folder = await tempFolder(scope);
    const bundles = join(folder, 'bundles');
    await mkdir(bundles);
    await writeFile(join(bundles, 'try.js'), program);
    const context: BenchContext = { bundles, launcher: LAUNCHER, node: ownNode(), settings: QUICK, signal };
    return runInPlaceOfDaemon<Answer>(scope, context, {
      ...{ name: 'try', bundle: 'try.js', folder, order: { say: 'a "b"' }, timeoutMs: 20_000 },
      parse: (line) => (line.startsWith('{"event":"answer"') ? (JSON.parse(line) as Answer) : null),
    });
  });
}

test("it is started with the launcher's flags, the wanted Node and its order", async () => {
  const answer = await run(`
    console.log('another line');
    console.log(JSON.stringify({ event: 'answer', order: JSON.parse(process.argv[2]), node: process.execPath,
      arguments: process.execArgv, arenas: process.env.MALLOC_ARENA_MAX }));
  `);
  expect(answer).toMatchObject({ order: { say: 'a "b"' }, node: process.execPath, arenas: '1' });
  expect(answer.arguments).toContain('--max-semi-space-size=1');
});

test.each([
  {
    program: "process.stderr.write('counters of cpu: gone\\n'); process.exit(1)",
    says: /ended with code 1 and gave no figures\n {2}counters of cpu: gone/,
  },
  { program: '', says: /ended with code 0 and gave no figures$/ },
  { program: 'console.log(\'{"event":"answer"}\'); process.exit(3)', says: /ended with code 3$/ },
])('no answer and no good end is an error: $says', async ({ program, says }) => {
  await expect(run(program)).rejects.toThrow(says);
});

test('where the benchmark gives up, the process is ended', async () => {
  const place = join(await testFolder(), 'pid');
  const abort = new AbortController();
  const program = `require('node:fs').writeFileSync(${JSON.stringify(place)}, String(process.pid)); setInterval(() => {}, 1000)`;
  const running = run(program, abort.signal).catch((error: unknown) => error);
  const pid = Number(await waitFor(() => readFile(place, 'utf8'), { what: 'its pid' }));
  expect(process.kill(pid, 0)).toBe(true);
  abort.abort(new Error('interrupted by SIGINT'));
  expect(await running).toMatchObject({ message: 'interrupted by SIGINT' });
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});
