// Everything that must hold besides the tests: types, lint and format, import rules, dead code, and that what is
// generated is up to date.
import { install, ROOT, run } from './setup.mjs';

const bin = (name) => `${ROOT}/node_modules/.bin/${name}`;

install();
const steps = [
  ['generated code', process.execPath, ['scripts/generate.mjs', '--check']],
  ['types', bin('tsc'), ['--noEmit']],
  ['types of the status page', bin('tsc'), ['--noEmit', '--project', 'src/status-page']],
  ['lint and format', bin('biome'), ['check', '--error-on-warnings', '.']],
  ['dead code', bin('knip'), []],
  ['import rules', bin('vitest'), ['run', 'test/unit/imports.test.ts']],
  ['build', process.execPath, ['scripts/build.mjs']],
  ['reference of the configuration', process.execPath, ['scripts/reference.mjs', '--check']],
];
for (const [what, program, args] of steps) {
  run(program, args, { quiet: true });
  process.stdout.write(`ok  ${what}\n`);
}
