/**
 * `daemonctl completion`, and the hidden verb that the shells ask. Ids of agents come from the daemon, within a moment
 * or not at all: completing never fails and never waits.
 */
import { Argument, type Command } from 'commander';
import { askShown } from '../client.ts';
import { candidates } from '../completion/candidates.ts';
import { FILES, SCRIPTS, SHELLS, type Shell } from '../completion/scripts.ts';
import { type Reach, socketOf } from '../reach.ts';

const MOMENT_MS = 500;

async function agentIds(reach: Reach): Promise<string[]> {
  try {
    const agents = await askShown(await socketOf(reach), 'agents', {}, { timeoutMs: MOMENT_MS });
    return agents.map(({ id }) => id);
  } catch {
    return []; // the daemon is down: there is nothing to complete, and nobody to be told so
  }
}

export function registerCompletion(program: Command): void {
  program
    .command('completion')
    .description('print the script that completes verbs, options and ids of agents')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      `
Example:
  daemonctl completion bash >/etc/bash_completion.d/daemonctl
  daemonctl completion zsh >/usr/local/share/zsh/site-functions/_daemonctl`,
    )
    .action((shell: Shell) => {
      process.stdout.write(SCRIPTS[shell]);
    });
  program
    .command('__complete', { hidden: true })
    .argument('[word...]')
    .action(async (words: string[]) => {
      const { words: known, agents, files, reach } = candidates(program, words);
      const current = words.at(-1) ?? '';
      const taken = words.slice(0, -1);
      const ids = agents ? await agentIds(reach) : [];
      const fitting = ids.filter((id) => id.startsWith(current) && !taken.includes(id));
      process.stdout.write([...known, ...fitting, ...(files ? [FILES] : [])].map((word) => `${word}\n`).join(''));
    });
}
