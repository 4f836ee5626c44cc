/**
 * The reference Manager as a program: command line and exit code. `serve` ends with 0 on SIGTERM or SIGINT, 1 where it
 * cannot serve; a wrong command line is 2; what `op` ends with is in op-command.ts.
 */
import { Command, CommanderError } from 'commander';
import { describe } from '../shared/errors/daemon-error.ts';
import { VERSION } from '../shared/version.ts';
import { EXIT, registerOp } from './op-command.ts';
import { serve } from './serve.ts';
import { registerServe } from './serve-command.ts';

async function main(args: readonly string[]): Promise<number> {
  let code: number = EXIT.ok;
  const program = new Command('manager')
    .description('The reference Manager: for trying host daemons, and for testing them.')
    .version(`manager ${VERSION}`)
    .enablePositionalOptions() // --version behind a verb is the verb's
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`manager: ${text.replace(/^error: /, '')}`) })
    .addHelpText('after', '\nWithout a command it serves: `manager serve --help` tells how.');
  // after the settings, which a verb takes over when it is registered
  registerServe(program, (settings) => serve(settings));
  registerOp(program, (ended) => {
    code = ended;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage; // it has said why
    process.stderr.write(`manager: ${describe(error)}\n`);
    return EXIT.failed;
  }
}

void main(process.argv.slice(2)).then((code) => {
  // whatever handle is left must not keep an ended Manager alive; what was written goes out first
  process.stdout.write('', () => process.exit(code));
});
