/** `daemonctl support-bundle`: what somebody who is to help needs to see, in one file and without secrets. */
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { interruptible } from '../interrupt.ts';
import { type Reach, reaching, socketOf } from '../reach.ts';
import { harmless } from '../text/harmless.ts';
import { print, printJson, remark } from '../text/terminal.ts';
import { counted, size, time } from '../text/words.ts';

async function supportBundle(options: Reach & { output?: string }): Promise<void> {
  const nowMs = Date.now();
  const stamp = time(nowMs).replaceAll(/[-:]/g, '');
  const file = resolve(options.output ?? `support-${hostname()}-${stamp}.tar.gz`);
  const { makeBundle } = await import('../support/bundle.ts');
  const interrupt = interruptible();
  try {
    const socket = await socketOf(options);
    const configFile = options.config === undefined ? null : resolve(options.config);
    const bundled = await makeBundle({ socket, configFile, file, nowMs, signal: interrupt.signal });
    if (options.json) return printJson(bundled);
    for (const { name, why } of bundled.missing) remark(`not in it: ${name}: ${harmless(why)}`);
    print(
      `${harmless(bundled.file)}  ${size(bundled.bytes)}, ${counted(bundled.present.length, 'part')}, ${counted(bundled.removed, 'secret')} removed`,
    );
    if (bundled.valuesUnknown !== '') {
      print(`Secrets were removed by their form only, not by their values: ${harmless(bundled.valuesUnknown)}.`);
    }
    print('Look at its MANIFEST before you hand it on.');
  } finally {
    interrupt.end();
  }
}

export function registerSupportBundle(program: Command): void {
  reaching(program.command('support-bundle'))
    .description('gather in one file what somebody who is to help needs to see, without secrets')
    .option('-o, --output <file>', 'the file to write, which must not be there (default: support-HOST-TIME.tar.gz)')
    .addHelpText(
      'after',
      '\nExample:\n  daemonctl support-bundle -o /tmp/support.tar.gz\nIts MANIFEST says what is in it and what was removed. The daemon need not run.',
    )
    .action(supportBundle);
}
