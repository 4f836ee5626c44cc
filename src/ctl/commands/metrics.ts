/** `daemonctl metrics`: the host's figures as they were collected last, now, or again and again; or an agent's use. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ControlVerbs } from '../../shared/contracts/control.ts';
import { ask, askShown } from '../client.ts';
import { count } from '../count.ts';
import { UsageError } from '../exit.ts';
import { type Reach, reaching, requireAgent, socketOf } from '../reach.ts';
import { scalarsOf, tablesOf, usageTable } from '../text/metrics-text.ts';
import { printedColumns, renderPairs, renderTable } from '../text/table.ts';
import { paint, print, printJson } from '../text/terminal.ts';
import { time } from '../text/words.ts';

const SECONDS = { default: '5', least: 1, most: 3600 };
/** An hour is kept of an agent. */
const MINUTES = { default: '60', least: 1, most: 60 };
const CLEAR_SCREEN = '\u001b[H\u001b[2J\u001b[3J';

interface MetricsOptions extends Reach {
  fresh?: true;
  /** True without a number. */
  watch?: string | true;
  last?: string;
}

async function render({ atMs, samples, errors }: ControlVerbs['metrics']['output']): Promise<string> {
  if (atMs === 0) return 'Nothing was collected so far.';
  const parts: string[] = [time(atMs)];
  for (const sample of samples) {
    const pairs = renderPairs(scalarsOf(sample));
    const tables = await Promise.all(tablesOf(sample).map((table) => renderTable(table, printedColumns())));
    parts.push([paint('bold', sample.collector), ...(pairs === '' ? [] : [pairs]), ...tables].join('\n'));
  }
  if (errors.length > 0) parts.push(errors.map((error) => paint('red', error)).join('\n'));
  return parts.join('\n\n');
}

async function renderUsage(looks: ControlVerbs['usage']['output']): Promise<string> {
  return looks.length === 0 ? 'Nothing was measured in that time.' : renderTable(usageTable(looks), printedColumns());
}

/** One look: for programs, or for people. */
interface Source {
  answer(): Promise<object>;
  text(): Promise<string>;
}

function hostMetrics(socket: string, fresh: boolean): Source {
  return {
    answer: () => ask(socket, 'metrics', { fresh }),
    text: async () => render(await askShown(socket, 'metrics', { fresh })),
  };
}

async function agentUsage(socket: string, agentId: string, seconds: number): Promise<Source> {
  await requireAgent(socket, agentId);
  const input = { agentId, seconds };
  return {
    answer: () => ask(socket, 'usage', input),
    text: async () => renderUsage(await askShown(socket, 'usage', input)),
  };
}

async function metrics(agentId: string | undefined, options: MetricsOptions): Promise<void> {
  const { watch, json, last } = options;
  if (agentId === undefined && last !== undefined) throw new UsageError('--last is for an agent');
  if (agentId !== undefined && options.fresh) throw new UsageError('--fresh is for the host: see daemonctl health');
  const minutes = count(last ?? MINUTES.default, '--last', MINUTES.least, MINUTES.most);
  const seconds = count(typeof watch === 'string' ? watch : SECONDS.default, '--watch', SECONDS.least, SECONDS.most);
  const socket = await socketOf(options);
  const source =
    agentId === undefined
      ? hostMetrics(socket, options.fresh === true || watch !== undefined)
      : await agentUsage(socket, agentId, minutes * 60);
  const clears = watch !== undefined && process.stdout.isTTY;
  do {
    if (json) printJson(await source.answer());
    else print(`${clears ? CLEAR_SCREEN : ''}${await source.text()}${watch === undefined || clears ? '' : '\n'}`);
    if (watch !== undefined) await sleep(seconds * 1000);
  } while (watch !== undefined);
}

export function registerMetrics(program: Command): void {
  reaching(program.command('metrics'))
    .description("show the host's figures as they were collected last; --json has all of them; or what an agent used")
    .argument('[agent]', 'id of an agent: what it used at its health checks')
    .option('--fresh', 'collect now')
    .option('--last <minutes>', `of an agent: so far back, ${MINUTES.default} unless given`)
    .option('--watch [seconds]', `collect and show again, every ${SECONDS.default} seconds or as given`)
    .addHelpText(
      'after',
      '\nExample:\n  daemonctl metrics --fresh\n  daemonctl metrics telegraf --last 10\n  daemonctl metrics --watch 10 --json',
    )
    .action(metrics);
}
