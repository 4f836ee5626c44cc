/** The operator's command line, and that of those who release packages: runs a verb, says what went wrong, exit code. */
import { CommanderError } from 'commander';
import { DaemonError, describe } from '../shared/errors/daemon-error.ts';
import { codeOf } from '../shared/errors/error-code.ts';
import { EXIT, exitCodeOf, ToldError } from './exit.ts';
import { createProgram } from './program.ts';
import { harmlessLines } from './text/harmless.ts';

function line(error: unknown): string {
  const code = error instanceof DaemonError && /^D\d/.test(error.code) ? `${error.code}: ` : '';
  return `daemonctl: ${harmlessLines(`${code}${describe(error)}`).trimEnd()}\n`;
}

async function main(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(args, { from: 'user' });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage; // it has said why
    if (!(error instanceof ToldError)) process.stderr.write(line(error));
    return exitCodeOf(error);
  }
}

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    // whoever read it has had enough, as head has
    process.exit(codeOf(error) === 'EPIPE' ? EXIT.done : EXIT.failed);
  });
}

// whatever was asked and is not waited for any more must not keep it: what was written is out by now
void main(process.argv.slice(2)).then((code) => process.exit(code));
