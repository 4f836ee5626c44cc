// Builds what is needed and runs the demo. Ends with the demo's own status.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { ROOT, setUp } from './setup.mjs';

setUp();
const demo = spawn(process.execPath, [join(ROOT, 'dist', 'demo.js'), ...process.argv.slice(2)], { stdio: 'inherit' });
// in a terminal the demo gets Ctrl-C too: a second signal does no harm there
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => demo.kill(signal));
demo.on('error', (error) => {
  process.stderr.write(`the demo could not be started: ${error.message}\n`);
  process.exit(1);
});
demo.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
