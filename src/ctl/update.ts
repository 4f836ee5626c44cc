/**
 * `daemonctl update|updates|rollback|backups`: asks the daemon of this host, and shows how far it is until it is over.
 * The daemon does the work: ending this program ends no update.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ControlVerbs } from '../shared/contracts/control.ts';
import type { UpdateResult, UpdateStatus } from '../shared/contracts/update.ts';
import { ask, DEFAULT_SOCKET, UnreachableError } from './client.ts';
import { targetOf, type UpdateCommand, updateRequest } from './update-request.ts';
import { renderBackups, renderResult, renderStatus } from './update-text.ts';

interface Common {
  socket: string;
  json?: boolean;
}
interface Waiting extends Common {
  /** False with --no-wait. */
  wait: boolean;
}

type Begun = ControlVerbs['update']['output'];

const POLL_MS = 250;
/** A daemon that replaces itself is away for a moment. */
const AWAY_MS = 120_000;

const print = (text: string): boolean => process.stdout.write(`${text}\n`);

/** Null while the daemon is away, which it may be for a while. */
async function statusOf(socket: string, since: { awayMs: number | null }): Promise<UpdateStatus | null> {
  try {
    const status = await ask(socket, 'updateStatus', {});
    since.awayMs = null;
    return status;
  } catch (error) {
    since.awayMs ??= performance.now();
    if (!(error instanceof UnreachableError) || performance.now() - since.awayMs > AWAY_MS) throw error;
    return null;
  }
}

async function follow(socket: string, id: string, say: (text: string) => void): Promise<UpdateResult> {
  const since: { awayMs: number | null } = { awayMs: null };
  for (let told = ''; ; await sleep(POLL_MS)) {
    const status = await statusOf(socket, since);
    const result = status?.results.find((candidate) => candidate.id === id);
    if (result) return result;
    const progress = status?.underWay.find((candidate) => candidate.id === id);
    if (!progress) continue;
    const { phase, percent } = progress;
    const text = percent === null ? phase : `${phase} ${percent} %`;
    if (text !== told) say(text);
    told = text;
  }
}

/** Throws where the update failed. */
async function showUntilOver({ socket, json, wait }: Waiting, { id, state, message }: Begun): Promise<void> {
  if (!json) print(message);
  if (!wait || state === 'done') {
    if (json) print(JSON.stringify({ id, state, message }));
    return;
  }
  const result = await follow(socket, id, (text) => {
    if (!json) print(text);
  });
  if (json) print(JSON.stringify(result));
  if (!result.success) throw new Error(renderResult(result));
  if (!json) print(renderResult(result));
}

export function registerUpdate(program: Command): void {
  const command = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .option('--socket <path>', "the daemon's control socket", DEFAULT_SOCKET)
      .option('--json', 'print JSON');
  command('update <target>', 'Updates an agent, or the daemon itself (target: daemon), from a signed package.')
    .option('--file <file>', 'the package; signature and manifest are looked for beside it')
    .option('--url <url>', 'where the daemon is to fetch it')
    .option('--version <version>', 'default: what the manifest says')
    .option('--sha256 <hex>', 'of the package; default: what the manifest says, or that of --file')
    .option('--sig <file>', 'raw signature of the package, as openssl dgst -sign writes it')
    .option('--manifest <file>', 'signed manifest, with its signature in FILE.sig beside it')
    .option('--allow-downgrade', 'take a version that is not higher than the running one')
    .option('--retry', 'try a version again that was rolled back on this host')
    .option('--no-wait', 'do not wait for the outcome')
    .addHelpText('after', '\nExample: daemonctl update telegraf-metrics --file telegraf-1.29.0.tar.gz')
    .action(async (target: string, options: Waiting & UpdateCommand) => {
      await showUntilOver(options, await ask(options.socket, 'update', await updateRequest(target, options)));
    });
  command('rollback <target>', 'Goes back to a kept version: the newest other one, or the one that --to names.')
    .option('--to <backup>', 'its name, as `daemonctl backups` shows it', '')
    .option('--no-wait', 'do not wait for the outcome')
    .addHelpText('after', '\nExample: daemonctl rollback daemon')
    .action(async (target: string, options: Waiting & { to: string }) => {
      const input = { ...targetOf(target), backup: options.to };
      await showUntilOver(options, await ask(options.socket, 'rollback', input));
    });
  command('backups <target>', 'Lists the kept versions of an agent, or of the daemon.')
    .addHelpText('after', '\nExample: daemonctl backups telegraf-metrics')
    .action(async (target: string, { socket, json }: Common) => {
      const backups = await ask(socket, 'backups', targetOf(target));
      print(json ? JSON.stringify(backups) : renderBackups(backups));
    });
  command('updates', 'Shows updates under way, what became of the last ones, and versions that were rolled back.')
    .option('--acknowledge', 'what was rolled back has been seen')
    .addHelpText('after', '\nExample: daemonctl updates')
    .action(async ({ socket, json, acknowledge }: Common & { acknowledge?: boolean }) => {
      if (acknowledge) await ask(socket, 'updateAcknowledge', {});
      const status = await ask(socket, 'updateStatus', {});
      print(json ? JSON.stringify(status) : renderStatus(status));
    });
}
