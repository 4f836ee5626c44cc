/** `daemonctl health`: an agent's health checks. Ends with 1 where one fails, for scripts. */
import type { Command } from 'commander';
import type { CheckResult } from '../../shared/contracts/health.ts';
import { ask, askShown } from '../client.ts';
import { ToldError } from '../exit.ts';
import { type Reach, reaching, requireAgent, socketOf } from '../reach.ts';
import { printedColumns, renderTable, type Table } from '../text/table.ts';
import { colourOf, type Paint, paint, print, printJson } from '../text/terminal.ts';
import { age } from '../text/words.ts';

/** `nowMs`: Unix milliseconds. Pure. */
function checksTable(checks: readonly CheckResult[], nowMs: number, paintWith: Paint): Table {
  return {
    head: ['CHECK', 'STATE', 'FOR', 'FAILURES', 'REASON'],
    right: ['FOR', 'FAILURES'],
    rows: checks.map(({ check, state, sinceMs, failures, reason }) => {
      const since = sinceMs === 0 ? '-' : age(nowMs - sinceMs);
      return [check, paintWith(colourOf(state), state), since, String(failures), reason];
    }),
  };
}

export function registerHealth(program: Command): void {
  reaching(program.command('health'))
    .description("show an agent's health checks; ends with 1 where one fails")
    .argument('<agent>', 'id of the agent')
    .option('--fresh', 'look now, in place of the last results; without consequences for the agent')
    .addHelpText('after', '\nExample:\n  daemonctl health telegraf --fresh')
    .action(async (agentId: string, options: Reach & { fresh?: true }) => {
      const socket = await socketOf(options);
      await requireAgent(socket, agentId);
      const input = { agentId, fresh: options.fresh ?? false };
      const health = await (options.json ? ask : askShown)(socket, 'health', input);
      if (options.json) printJson(health);
      else print(await renderTable(checksTable(health.checks, Date.now(), paint), printedColumns()));
      if (health.checks.some(({ state }) => state === 'failing')) throw new ToldError('a check fails');
    });
}
