// `npm test`: sets everything up, then runs the tests. Arguments go to vitest.
import { spawnSync } from 'node:child_process';
import { ROOT, setUp } from './setup.mjs';

setUp();
const { status } = spawnSync(`${ROOT}/node_modules/.bin/vitest`, ['run', ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
