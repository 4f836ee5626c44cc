// Builds what is needed and runs the benchmarks. Ends with their status.
import { constants } from 'node:os';
import { join } from 'node:path';
import { startClean } from './clean-start.mjs';
import { ROOT, setUp } from './setup.mjs';

setUp();
const bench = startClean([join(ROOT, 'dist', 'bench.js'), ...process.argv.slice(2)]);
// in a terminal the harness gets Ctrl-C too: a second signal does no harm there
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => bench.kill(signal));
bench.on('error', (error) => {
  process.stderr.write(`the benchmarks could not be started: ${error.message}\n`);
  process.exit(1);
});
bench.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
