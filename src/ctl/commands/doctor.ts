/** `daemonctl doctor`: looks at everything that the daemon needs here, whether it runs or not. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { ask } from '../client.ts';
import { ToldError } from '../exit.ts';
import { DEFAULT_CONFIG, type Reach, reaching } from '../reach.ts';
import { deepHarmless } from '../text/harmless.ts';
import { printedColumns, renderTable } from '../text/table.ts';
import { paint, print, printJson } from '../text/terminal.ts';

const STATUS_MS = 5000;

/** That of the daemon behind the socket; null where none is named or nobody answers there, which is found later. */
async function configOf(socket: string | undefined): Promise<string | null> {
  if (socket === undefined) return null;
  try {
    return (await ask(socket, 'status', {}, { timeoutMs: STATUS_MS })).configFile;
  } catch {
    return null;
  }
}

async function doctor({ config, socket, json }: Reach): Promise<void> {
  const { examine } = await import('../doctor/examine.ts');
  const { findingsTable, summary } = await import('../doctor/render.ts');
  const configFile = resolve(config ?? (await configOf(socket)) ?? DEFAULT_CONFIG);
  const findings = await examine({ configFile, ...(socket === undefined ? {} : { socket }), nowMs: Date.now() });
  const healthy = findings.every(({ outcome }) => outcome !== 'failed');
  if (json) printJson({ healthy, findings });
  else {
    const shown = deepHarmless(findings);
    print(await renderTable(findingsTable(shown, paint), printedColumns()));
    print(`\n${summary(shown)}`);
  }
  if (!healthy) throw new ToldError('a check failed');
}

export function registerDoctor(program: Command): void {
  reaching(program.command('doctor'))
    .description('look at everything that the daemon needs here; ends with 1 where a check failed')
    .addHelpText(
      'after',
      `
Example:
  daemonctl doctor --config ${DEFAULT_CONFIG}
The daemon need not run. Certificates, permissions, space, agents' programs, sockets, the way to each Manager,
clocks, privileges and systemd are looked at; nothing is changed.`,
    )
    .action(doctor);
}
