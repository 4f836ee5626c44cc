/** `daemonctl reload`: the changed configuration is taken over now, or refused with what is wrong in it. */
import type { Command } from 'commander';
import { ask, askShown } from '../client.ts';
import { type Reach, reaching, socketOf } from '../reach.ts';
import { print, printJson } from '../text/terminal.ts';

export function registerReload(program: Command): void {
  reaching(program.command('reload'))
    .description('take the changed configuration over now')
    .addHelpText(
      'after',
      '\nExample:\n  daemonctl reload\nAn invalid configuration is refused, with 5, and changes nothing.',
    )
    .action(async (options: Reach) => {
      const socket = await socketOf(options);
      if (options.json) return printJson(await ask(socket, 'reload', {}));
      const { changes, needsRestart } = await askShown(socket, 'reload', {});
      if (changes.length === 0 && needsRestart.length === 0) print('nothing has changed');
      for (const change of changes) print(change);
      for (const key of needsRestart) print(`${key}: takes effect when the daemon is started again`);
    });
}
