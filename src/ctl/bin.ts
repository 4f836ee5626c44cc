/**
 * The command line for those who release packages and those who look after a host: verbs, exit code, errors. A verb
 * lives in a file of its own and registers itself; it throws what went wrong, and this file says it.
 */
import { Command, CommanderError } from 'commander';
import { DaemonError, describe } from '../shared/errors/daemon-error.ts';
import { VERSION } from '../shared/version.ts';
import { registerKeygen } from './keygen.ts';
import { registerLink } from './link.ts';
import { registerSign } from './sign.ts';
import { registerUpdate } from './update.ts';
import { registerVerify } from './verify.ts';

const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
const VERBS: ((program: Command) => void)[] = [
  registerUpdate,
  registerLink,
  registerKeygen,
  registerSign,
  registerVerify,
];

function createProgram(): Command {
  const program = new Command('daemonctl')
    .description('Asks and updates the host daemon and its agents; makes keys for packages, signs and verifies them.')
    .version(VERSION)
    .enablePositionalOptions() // --version behind a verb is the verb's
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`daemonctl: ${text.replace(/^error: /, '')}`) })
    .addHelpText('after', '\nExit codes: 0 done, 1 failed or not valid, 2 wrong command line.');
  // after the settings, which a verb takes over when it is registered
  for (const register of VERBS) register(program);
  return program;
}

function line(error: unknown): string {
  const code = error instanceof DaemonError && error.code !== 'internal' ? `${error.code}: ` : '';
  return `daemonctl: ${code}${describe(error)}\n`;
}

async function main(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(args, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage; // it has said why
    process.stderr.write(line(error));
    return EXIT.failed;
  }
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
