/** The tree of commands. A verb lives in a file of its own and registers itself; what is heavy it loads when asked. */
import { Command } from 'commander';
import { VERSION } from '../shared/version.ts';
import { registerAgents } from './commands/agents.ts';
import { registerCompletion } from './commands/completion.ts';
import { registerConfig } from './commands/config.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerEvents } from './commands/events.ts';
import { registerHealth } from './commands/health.ts';
import { registerKeygen } from './commands/keygen.ts';
import { registerLink } from './commands/link.ts';
import { registerLogs } from './commands/logs.ts';
import { registerMetrics } from './commands/metrics.ts';
import { registerReload } from './commands/reload.ts';
import { registerSign } from './commands/sign.ts';
import { registerStatus } from './commands/status.ts';
import { registerSupportBundle } from './commands/support-bundle.ts';
import { registerTop } from './commands/top.ts';
import { registerUpdate } from './commands/update.ts';
import { registerVerify } from './commands/verify.ts';
import { EXIT_CODES } from './exit.ts';
import { harmlessLines } from './text/harmless.ts';

/** In the order of the help, by what they are for. */
const GROUPS: readonly [string, readonly ((program: Command) => void)[]][] = [
  ['This host:', [registerStatus, registerAgents, registerTop, registerMetrics, registerHealth]],
  ['What happened:', [registerLogs, registerEvents, registerLink]],
  ['Configuration:', [registerConfig, registerReload]],
  ['Updates:', [registerUpdate]],
  ['Trouble:', [registerDoctor, registerSupportBundle]],
  ['Packages:', [registerKeygen, registerSign, registerVerify]],
  ['Shell:', [registerCompletion]],
];

export function createProgram(): Command {
  const program = new Command('daemonctl')
    .description('Asks, steers and updates the host daemon and its agents; finds what is wrong; signs packages.')
    .version(VERSION)
    .enablePositionalOptions() // --version behind a verb is the verb's
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`daemonctl: ${harmlessLines(text.replace(/^error: /, ''))}`),
    })
    .addHelpText('after', EXIT_CODES);
  // after the settings, which a verb takes over when it is registered
  for (const [title, verbs] of GROUPS) {
    program.commandsGroup(title);
    for (const register of verbs) register(program);
  }
  return program;
}
