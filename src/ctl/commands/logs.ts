/** `daemonctl logs`: an agent's output, or the daemon's own log, and what comes. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { LogLines } from '../../shared/contracts/control.ts';
import { ask } from '../client.ts';
import { count } from '../count.ts';
import { Patience } from '../patience.ts';
import { type Reach, reaching, requireAgent, socketOf } from '../reach.ts';
import { harmless } from '../text/harmless.ts';
import { print, printJson } from '../text/terminal.ts';

const LOOK_MS = 500;
const MOST_LINES = 10_000;
/** The daemon's own log, in place of an agent's id. */
const DAEMON = 'daemon';

interface LogsOptions extends Reach {
  follow?: true;
  lines: string;
}

async function logs(id: string, options: LogsOptions): Promise<void> {
  const lines = count(options.lines, '--lines', 1, MOST_LINES);
  const socket = await socketOf(options);
  const agentId = id === DAEMON ? '' : id;
  if (agentId !== '') await requireAgent(socket, agentId);
  const show = (answer: LogLines): void => {
    for (const line of answer.lines) {
      if (options.json) printJson({ agentId, line });
      else print(harmless(line));
    }
  };
  const read = (cursor: string): Promise<LogLines> => ask(socket, 'logs', { agentId, lines, cursor });
  let last = await read('');
  show(last);
  const patience = new Patience();
  // what is there already is shown whole; without --follow that is where it ends
  while (last.more || options.follow) {
    if (!last.more || patience.isAway) await sleep(LOOK_MS);
    const { cursor } = last;
    const next = await patience.ask(() => read(cursor));
    if (!next) continue;
    show(next);
    last = next;
  }
}

export function registerLogs(program: Command): void {
  reaching(program.command('logs'))
    .description("show an agent's output, or the daemon's own log (agent: daemon)")
    .argument('<agent|daemon>', 'id of the agent, or daemon')
    .option('-f, --follow', 'go on with what comes, through rotations and restarts of the daemon')
    .option('-n, --lines <count>', `lines to begin with, 1 to ${MOST_LINES}`, '50')
    .addHelpText('after', '\nExample:\n  daemonctl logs telegraf -f -n 100\n  daemonctl logs daemon --json')
    .action(logs);
}
