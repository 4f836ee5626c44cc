/**
 * What verifying a package costs: how far it holds up heartbeats, how fast it is beside openssl, and how much memory
 * it takes, all in one run on one file. The work is the pool's task, from the bundles, never this thread's.
 */
import { withScope } from '../bounded.ts';
import { BenchHost } from '../host.ts';
import { connect } from '../manager-calls.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import type { Settings } from '../settings.ts';
import { heartbeatRatio, speedRatio, type UpdateFigures, updateRows, updateTable } from './update-figures.ts';
import { measureMemory } from './update-memory.ts';
import { makePackage } from './update-package.ts';
import { measureSpeed } from './update-speed.ts';
import { measureStall } from './update-stall.ts';

function measure(context: BenchContext): Promise<UpdateFigures> {
  return withScope(async (scope) => {
    const { settings, signal } = context;
    const host = await BenchHost.start(scope, context);
    const pack = await makePackage(host.folder, settings.update.mebibytes, signal);
    // first, as everything else leaves memory behind that this would find there
    const memory = await measureMemory(context, pack);
    const stall = await measureStall(await connect(scope, host, signal), context, pack);
    return { memory, stall, speed: await measureSpeed(context, pack) };
  });
}

function notes({ mebibytes, stretches, callsInStretch }: Settings['update'], figures: UpdateFigures): string[] {
  const { stall, speed, memory } = figures;
  const calls = stretches * callsInStretch;
  return [
    `A cached file of ${mebibytes} MiB, SHA-256, RSA with 3072 bits, by the pool’s task in a thread of this process.`,
    `Heartbeats: ${calls} idle and ${calls} while ${stall.verifications} packages were verified, in ${stretches} stretches ` +
      'of each in turn, to a Manager on loopback.',
    'The event loop’s delay has its resolution of 1 ms in it; the worst stretch counts.',
    speed
      ? `Openssl is \`openssl dgst\`, ${speed.version}, its start included; with the signature, two runs one after the ` +
        `other. ${speed.hash.ours.n} rounds, ours and openssl’s in turn; the ratio is that of the speeds.`
      : 'LEFT OUT: the speed beside openssl, as there is no openssl here.',
    memory
      ? 'The peak is the kernel’s own (VmHWM), of this process, with the thread that had to be started.'
      : 'LEFT OUT: memory, as the kernel’s peak (VmHWM) cannot be set back here (clear_refs).',
  ];
}

export async function update(context: BenchContext): Promise<BenchReport> {
  const figures = await measure(context);
  const { stall, speed, memory } = figures;
  const rows = updateRows(figures);
  return {
    name: 'update',
    title: 'verifying a package',
    table: updateTable(rows),
    notes: notes(context.settings.update, figures),
    verdicts: rows.map(({ verdict }) => verdict),
    figures: {
      unit: 'ms',
      packageBytes: context.settings.update.mebibytes * 1024 * 1024,
      stall: { ...stall, heartbeatRatio: heartbeatRatio(stall) },
      speed: speed && {
        version: speed.version,
        hash: { ...speed.hash, ratio: speedRatio(speed.hash) },
        signature: { ...speed.signature, ratio: speedRatio(speed.signature) },
      },
      memory,
    },
  };
}
