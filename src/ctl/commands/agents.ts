/** `daemonctl agents`, and `start`, `stop` and `restart` of them. */
import type { Command } from 'commander';
import { type ActionOutcome, AGENT_ACTIONS, type AgentAction } from '../../shared/contracts/control.ts';
import { ask, askShown } from '../client.ts';
import { ToldError, UsageError } from '../exit.ts';
import { type Reach, reaching, requireAgents, socketOf } from '../reach.ts';
import { agentsTable } from '../text/agent-text.ts';
import { harmless } from '../text/harmless.ts';
import { printedColumns, renderTable } from '../text/table.ts';
import { paint, print, printJson, remark } from '../text/terminal.ts';

/** A stop may take an agent's whole stop_timeout, and with --all one after another. */
const OPERATE_MS = 15 * 60_000;

const DONE: Record<AgentAction, string> = { start: 'started', stop: 'stopped', restart: 'restarted' };

interface OperateOptions extends Reach {
  all?: true;
}

/** `ids`: in the order given, each once. */
async function operate(action: AgentAction, ids: readonly string[], options: OperateOptions): Promise<void> {
  if (ids.length > 0 === (options.all === true)) throw new UsageError('name agents, or give --all');
  const socket = await socketOf(options);
  if (ids.length > 0) requireAgents(await askShown(socket, 'agents', {}), ids);
  const one = (agentId: string): Promise<ActionOutcome[]> =>
    ask(socket, 'operate', { agentId, action }, { timeoutMs: OPERATE_MS });
  const outcomes = (await Promise.all((options.all ? [''] : [...new Set(ids)]).map(one))).flat();
  if (options.json) printJson(outcomes);
  for (const { agentId, success, error } of outcomes) {
    if (options.json) continue;
    if (success) print(`${harmless(agentId)}: ${DONE[action]}`);
    else remark(`${harmless(agentId)}: not ${DONE[action]}: ${harmless(error)}`);
  }
  if (!options.json && outcomes.length === 0) print('there are no agents that are enabled');
  if (outcomes.some(({ success }) => !success)) throw new ToldError(`not every agent was ${DONE[action]}`);
}

export function registerAgents(program: Command): void {
  reaching(program.command('agents'))
    .description('list the agents and how they are')
    .addHelpText('after', '\nExample:\n  daemonctl agents')
    .action(async (options: Reach) => {
      const socket = await socketOf(options);
      if (options.json) return printJson(await ask(socket, 'agents', {}));
      const agents = await askShown(socket, 'agents', {});
      if (agents.length === 0) return print('No agents.');
      print(await renderTable(agentsTable(agents, Date.now(), paint), printedColumns()));
    });
  for (const action of AGENT_ACTIONS) {
    reaching(program.command(action))
      .description(`${action} agents; returns once they have ${action === 'stop' ? 'ended' : 'started'}`)
      .argument('[agent...]', 'ids of agents')
      .option('--all', 'all agents that are enabled, in the order of their start (a stop: the reverse)')
      .addHelpText('after', `\nExample:\n  daemonctl ${action} telegraf filebeat\n  daemonctl ${action} --all`)
      .action((ids: string[], options: OperateOptions) => operate(action, ids, options));
  }
}
