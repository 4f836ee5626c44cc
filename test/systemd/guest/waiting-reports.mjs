// In the machine: what waits in a copy of a daemon's queue of reports, `TYPE SECOND` a line, in order. The copy is
// emptied.
//   node waiting-reports.cjs FOLDER
import { ReportQueue } from '../../../src/main/link/queue/report-queue.ts';
import { systemClock } from '../../../src/shared/platform/clock.ts';
import { metricsOf } from '../../support/batch.ts';

async function print(folder) {
  const queue = await ReportQueue.open({
    folder,
    maxBytes: 64 * 1024 * 1024,
    maxAgeMs: 86_400_000,
    clock: systemClock,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    after: (delayMs, _, run) => systemClock.after(delayMs, run),
  });
  for (let batch = await queue.next(); batch; batch = await queue.next()) {
    for (const { type, timestamp } of metricsOf(batch)) process.stdout.write(`${type} ${timestamp}\n`);
    await queue.settle(batch, 'taken', '');
  }
  await queue.close();
}

void print(process.argv[2]);
