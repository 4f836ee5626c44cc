/**
 * The hand-over helper's command line: `handover.js FOLDER`, the updates' folder of the daemon. Outlives the daemon;
 * one at a time, by a lock of its own. Exit codes: 0 the outcome is journalled, or another helper is at it; 1 failed,
 * to be started again.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from '../../../shared/errors/daemon-error.ts';
import { bootClockMs } from '../../../shared/platform/clock.ts';
import { AlreadyRunningError, takePidFile } from '../../../shared/platform/pid-file.ts';
import { handoverFiles } from '../handover-files.ts';
import { JournalFile } from '../journal.ts';
import { ownName } from '../own-name.ts';
import { HandoverHelper } from './helper.ts';

async function main(folder: string): Promise<number> {
  const files = handoverFiles(folder);
  const say = (text: string): void => {
    try {
      appendFileSync(files.log, `${new Date().toISOString()} [${process.pid}] ${text}\n`, { mode: 0o640 });
    } catch {
      // it is for people, and the disk may be full: that must not end the one who watches
    }
  };
  let release: () => void;
  try {
    release = takePidFile(files.lock);
  } catch (error) {
    say(describe(error));
    return error instanceof AlreadyRunningError ? 0 : 1;
  }
  try {
    const wait = (ms: number): Promise<void> => sleep(ms);
    const options = { files, self: ownName(), wait, nowMs: bootClockMs, say };
    await new HandoverHelper({ ...options, journal: new JournalFile(files.journal) }).run();
    return 0;
  } catch (error) {
    say(`failed: ${describe(error)}`);
    return 1;
  } finally {
    release();
  }
}

// what ends a terminal session or a daemon's group is not meant for the one that watches
process.on('SIGHUP', () => {});
process.on('SIGINT', () => {});
const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write('usage: handover.js FOLDER\n');
  process.exitCode = 2;
} else {
  void main(folder).then((code) => {
    process.exitCode = code;
  });
}
