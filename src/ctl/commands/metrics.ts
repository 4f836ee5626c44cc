/** `daemonctl metrics`: the host's figures as they were collected last, now, or again and again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ControlVerbs } from '../../shared/contracts/control.ts';
import { ask, askShown } from '../client.ts';
import { count } from '../count.ts';
import { type Reach, reaching, socketOf } from '../reach.ts';
import { scalarsOf, tablesOf } from '../text/metrics-text.ts';
import { printedColumns, renderPairs, renderTable } from '../text/table.ts';
import { paint, print, printJson } from '../text/terminal.ts';
import { time } from '../text/words.ts';

const SECONDS = { default: '5', least: 1, most: 3600 };
const CLEAR_SCREEN = '\u001b[H\u001b[2J\u001b[3J';

interface MetricsOptions extends Reach {
  fresh?: true;
  /** True without a number. */
  watch?: string | true;
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

async function metrics(options: MetricsOptions): Promise<void> {
  const { watch, json } = options;
  const seconds = count(typeof watch === 'string' ? watch : SECONDS.default, '--watch', SECONDS.least, SECONDS.most);
  const socket = await socketOf(options);
  const input = { fresh: options.fresh === true || watch !== undefined };
  const clears = watch !== undefined && process.stdout.isTTY;
  do {
    if (json) {
      printJson(await ask(socket, 'metrics', input));
    } else {
      const text = await render(await askShown(socket, 'metrics', input));
      print(`${clears ? CLEAR_SCREEN : ''}${text}${watch === undefined || clears ? '' : '\n'}`);
    }
    if (watch !== undefined) await sleep(seconds * 1000);
  } while (watch !== undefined);
}

export function registerMetrics(program: Command): void {
  reaching(program.command('metrics'))
    .description("show the host's figures as they were collected last; --json has all of them")
    .option('--fresh', 'collect now')
    .option('--watch [seconds]', `collect and show again, every ${SECONDS.default} seconds or as given`)
    .addHelpText('after', '\nExample:\n  daemonctl metrics --fresh\n  daemonctl metrics --watch 10 --json')
    .action(metrics);
}
