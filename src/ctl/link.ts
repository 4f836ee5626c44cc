/** `daemonctl link`: how the daemon of this host stands with its Manager. */
import type { Command } from 'commander';
import { ask, DEFAULT_SOCKET } from './client.ts';
import { renderLink } from './link-text.ts';

export function registerLink(program: Command): void {
  program
    .command('link')
    .description('Shows the link to the Manager: its state and why, what waits for it, certificates.')
    .option('--socket <path>', 'control socket of the daemon', DEFAULT_SOCKET)
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample: daemonctl link')
    .action(async ({ socket, json }: { socket: string; json?: boolean }) => {
      const view = await ask(socket, 'link', {});
      process.stdout.write(`${json ? JSON.stringify(view) : renderLink(view, Date.now())}\n`);
    });
}
