/** `daemonctl top`: host and agents, live. */
import type { Command } from 'commander';
import { count } from '../count.ts';
import { UsageError } from '../exit.ts';
import { locating, type Reach, socketOf } from '../reach.ts';
import { paint } from '../text/terminal.ts';

async function top(options: Reach & { interval: string }): Promise<void> {
  const seconds = count(options.interval, '--interval', 1, 3600);
  const { stdin: input, stdout: output } = process;
  if (!input.isTTY || !output.isTTY) throw new UsageError('top needs a terminal; agents and metrics have --json');
  const { runTop } = await import('../top/top.ts');
  await runTop({ socket: await socketOf(options), intervalMs: seconds * 1000, input, output, paint });
}

export function registerTop(program: Command): void {
  locating(program.command('top'))
    .description('show host and agents, live; restart and stop agents')
    .option('--interval <seconds>', 'between two looks', '2')
    .addHelpText(
      'after',
      `
Example:
  daemonctl top
Keys: c m n p sort by CPU, memory, name, pid; up, down, j, k select; r restarts, s stops the selected agent, both
ask first; q quits. Figures are those of the last collection and of the last health checks.`,
    )
    .action(top);
}
