/**
 * `daemonctl update|updates|rollback|backups`: asks the daemon of this host, and shows how far it is until it is over.
 * The daemon does the work: ending this program ends no update.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ControlVerbs } from '../../shared/contracts/control.ts';
import type { UpdateResult } from '../../shared/contracts/update.ts';
import { ask } from '../client.ts';
import { Patience } from '../patience.ts';
import { type Reach, reaching, requireAgent, socketOf } from '../reach.ts';
import { deepHarmless, harmless } from '../text/harmless.ts';
import { print, printJson } from '../text/terminal.ts';
import type { UpdateCommand } from '../update-request.ts';
import { targetOf } from '../update-target.ts';
import { renderBackups, renderResult, renderStatus } from '../update-text.ts';

interface Waiting extends Reach {
  /** False with --no-wait. */
  wait: boolean;
}

type Begun = ControlVerbs['update']['output'];

const POLL_MS = 250;
/** How long a daemon that answers may not know of the update: it hands over to another one meanwhile. */
const UNKNOWN_MS = 60_000;

async function follow(socket: string, id: string, say: (text: string) => void): Promise<UpdateResult> {
  const patience = new Patience();
  let knownMs = performance.now();
  for (let told = ''; ; await sleep(POLL_MS)) {
    const status = await patience.ask(() => ask(socket, 'updateStatus', {}));
    const result = status?.results.find((candidate) => candidate.id === id);
    if (result) return result;
    const progress = status?.underWay.find((candidate) => candidate.id === id);
    if (progress || !status) knownMs = performance.now();
    if (performance.now() - knownMs > UNKNOWN_MS) {
      throw new Error(`the daemon knows nothing of update ${id} any more: daemonctl updates shows those that it knows`);
    }
    if (!progress) continue;
    const { phase, percent } = progress;
    const text = percent === null ? phase : `${phase} ${percent} %`;
    if (text !== told) say(text);
    told = text;
  }
}

/** Throws where the update failed. */
async function showUntilOver(socket: string, { json, wait }: Waiting, { id, state, message }: Begun): Promise<void> {
  if (!json) print(harmless(message));
  if (!wait || state === 'done') {
    if (json) printJson({ id, state, message });
    return;
  }
  const result = await follow(socket, id, (text) => {
    if (!json) print(text);
  });
  if (json) printJson(result);
  if (!result.success) throw new Error(renderResult(result));
  if (!json) print(renderResult(deepHarmless(result)));
}

/** Where the daemon is to be asked, once it is known that it has the target. */
async function socketFor(target: string, options: Reach): Promise<string> {
  const socket = await socketOf(options);
  if (target !== 'daemon') await requireAgent(socket, target);
  return socket;
}

export function registerUpdate(program: Command): void {
  const command = (name: string, description: string): Command =>
    reaching(program.command(name)).description(description);
  const targeted = (name: string, description: string): Command =>
    command(name, description).argument('<agent|daemon>', 'id of the agent, or daemon');
  targeted('update', 'update an agent, or the daemon itself, from a signed package')
    .option('--file <file>', 'the package; signature and manifest are looked for beside it')
    .option('--url <url>', 'where the daemon is to fetch it')
    .option('--version <version>', 'default: what the manifest says')
    .option('--sha256 <hex>', 'of the package; default: what the manifest says, or that of --file')
    .option('--sig <file>', 'raw signature of the package, as openssl dgst -sign writes it')
    .option('--manifest <file>', 'signed manifest, with its signature in FILE.sig beside it')
    .option('--allow-downgrade', 'take a version that is not higher than the running one')
    .option('--retry', 'try a version again that was rolled back on this host')
    .option('--no-wait', 'do not wait for the outcome')
    .addHelpText('after', '\nExample:\n  daemonctl update telegraf-metrics --file telegraf-1.29.0.tar.gz')
    .action(async (target: string, options: Waiting & UpdateCommand) => {
      const { updateRequest } = await import('../update-request.ts');
      const request = await updateRequest(target, options);
      const socket = await socketFor(target, options);
      await showUntilOver(socket, options, await ask(socket, 'update', request));
    });
  targeted('rollback', 'go back to a kept version: the newest other one, or the one that --to names')
    .option('--to <backup>', 'its name, as `daemonctl backups` shows it', '')
    .option('--no-wait', 'do not wait for the outcome')
    .addHelpText('after', '\nExample:\n  daemonctl rollback daemon')
    .action(async (target: string, options: Waiting & { to: string }) => {
      const socket = await socketFor(target, options);
      const input = { ...targetOf(target), backup: options.to };
      await showUntilOver(socket, options, await ask(socket, 'rollback', input));
    });
  targeted('backups', 'list the kept versions of an agent, or of the daemon')
    .addHelpText('after', '\nExample:\n  daemonctl backups telegraf-metrics')
    .action(async (target: string, options: Reach) => {
      const backups = await ask(await socketFor(target, options), 'backups', targetOf(target));
      if (options.json) printJson(backups);
      else print(renderBackups(deepHarmless(backups)));
    });
  command('updates', 'show updates under way, what became of the last ones, and versions that were rolled back')
    .option('--acknowledge', 'what was rolled back has been seen')
    .addHelpText('after', '\nExample:\n  daemonctl updates')
    .action(async (options: Reach & { acknowledge?: true }) => {
      const socket = await socketOf(options);
      if (options.acknowledge) await ask(socket, 'updateAcknowledge', {});
      const status = await ask(socket, 'updateStatus', {});
      if (options.json) printJson(status);
      else print(renderStatus(deepHarmless(status)));
    });
}
