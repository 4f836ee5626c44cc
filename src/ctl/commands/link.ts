/** `daemonctl link`: how the daemon of this host stands with its Manager. */
import type { Command } from 'commander';
import { ask, askShown } from '../client.ts';
import { type Reach, reaching, socketOf } from '../reach.ts';
import { renderLink } from '../text/link-text.ts';
import { print, printJson } from '../text/terminal.ts';

export function registerLink(program: Command): void {
  reaching(program.command('link'))
    .description('show the link to the Manager: its state and why, what waits for it, certificates')
    .addHelpText('after', '\nExample:\n  daemonctl link')
    .action(async (options: Reach) => {
      const socket = await socketOf(options);
      if (options.json) printJson(await ask(socket, 'link', {}));
      else print(renderLink(await askShown(socket, 'link', {}), Date.now()));
    });
}
