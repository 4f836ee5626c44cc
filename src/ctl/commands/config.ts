/** `daemonctl config`: checks a file without the daemon, or shows what is in force in it. */
import type { Command } from 'commander';
import { ask, askShown } from '../client.ts';
import { ToldError, UsageError } from '../exit.ts';
import { type Reach, reaching, requireAgent, socketOf } from '../reach.ts';
import { flattened } from '../text/flatten.ts';
import { harmlessLines } from '../text/harmless.ts';
import { printedColumns, renderTable } from '../text/table.ts';
import { paint, print, printJson } from '../text/terminal.ts';

async function check(file: string, { json }: { json?: true }): Promise<void> {
  const { checkHost, loadConfigFile, renderDiagnostics } = await import('../../shared/config/load.ts');
  const { config, diagnostics, places } = loadConfigFile(file);
  const all = config ? [...diagnostics, ...checkHost(config, places)] : diagnostics;
  if (json) printJson({ file, valid: config !== null, diagnostics: all });
  else process.stderr.write(renderDiagnostics(all));
  if (!config) throw new ToldError(`${file} is not valid`);
  if (!json) print(`${file} is valid`);
}

async function showAgents(agentId: string, options: Reach & { origins?: true }): Promise<void> {
  if (options.origins) throw new UsageError('--origins is for the configuration of the daemon');
  const socket = await socketOf(options);
  await requireAgent(socket, agentId);
  const found = await ask(socket, 'agentConfig', { agentId });
  if (options.json) printJson(found);
  else print(harmlessLines(found.text.trimEnd()));
}

async function show(agentId: string | undefined, options: Reach & { origins?: true }): Promise<void> {
  if (agentId !== undefined) return showAgents(agentId, options);
  const socket = await socketOf(options);
  if (options.json) return printJson(await ask(socket, 'config', {}));
  const { effective, origins } = await askShown(socket, 'config', {});
  if (!options.origins) {
    const { stringify } = await import('yaml');
    return print(stringify(effective, { lineWidth: 0 }).trimEnd());
  }
  const rows = flattened(effective, origins).map(({ path, value, from }) => [
    path,
    value,
    paint(from === 'default' ? 'dim' : '', from),
  ]);
  print(await renderTable({ head: ['KEY', 'VALUE', 'FROM'], rows }, printedColumns()));
}

export function registerConfig(program: Command): void {
  const config = program.command('config').description('check a configuration, or show the one in force');
  config.addHelpText('after', '\nExample:\n  daemonctl config check /etc/daemon/daemon.yaml');
  config
    .command('check')
    .description('say everything that is wrong with a file; the daemon need not run')
    .argument('<file>', 'the configuration')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  daemonctl config check /etc/daemon/daemon.yaml\nEnds with 1 where the daemon could not start with it.',
    )
    .action(check);
  reaching(config.command('show'))
    .description('show what is in force, defaults included and secrets left out')
    .argument('[agent]', 'id of an agent: its own configuration file')
    .option('--origins', 'show where each value comes from: a default, or FILE:LINE')
    .addHelpText('after', '\nExample:\n  daemonctl config show --origins\n  daemonctl config show telegraf')
    .action(show);
}
