/**
 * What the daemon's work in threads does to its main thread: heartbeats and the event loop's delay while a package is
 * hashed, a log compressed and the collectors run, all at the same time, against the same without.
 */

import { logCompression } from '../benchmarks/stall-log.ts';
import { type Compared, compareStretches } from '../benchmarks/stall-stretches.ts';
import { withScope } from '../bounded.ts';
import { collected } from '../collections.ts';
import { COLLECTORS } from '../collectors.ts';
import { connect, heartbeat } from '../manager-calls.ts';
import { verifierOf } from '../verify.ts';
import type { DaemonParts } from './daemon-parts.ts';
import type { Measurements } from './order.ts';

const COLLECT_DEADLINE_MS = 30_000;

export function measureStall(parts: DaemonParts, input: Measurements['stall']['input']): Promise<Compared> {
  const { signal } = parts;
  return withScope(async (scope) => {
    const calls = await connect(scope, input, signal);
    const pool = await parts.pool(scope);
    const { verify } = verifierOf(pool, signal);
    const compress = await logCompression(input.folder, pool, signal);
    const runner = parts.runner();
    await scope.add(() => runner.close());
    const states = new Map<string, unknown>();
    // by a thread that is started for it, as the daemon's is
    const collect = () =>
      collected(COLLECTORS, states, (tasks) =>
        runner.run('collect', tasks, { deadlineMs: COLLECT_DEADLINE_MS, signal }),
      );
    return compareStretches(() => heartbeat(calls), [() => verify(input.signed), compress, collect], input, signal);
  });
}
