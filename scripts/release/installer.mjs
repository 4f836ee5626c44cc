// install.sh in one piece, as a release has it: each part in place of the line that reads it in.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../setup.mjs';

const SCRIPTS = join(ROOT, 'scripts');
const READS_IN = /^# shellcheck source=.*\n\. "\$parts\/([a-z]+)\.sh"$/gm;

export function installerText() {
  const whole = readFileSync(join(SCRIPTS, 'install.sh'), 'utf8')
    .replace(/^parts=.*\n/m, '')
    .replace(READS_IN, (_, name) => {
      const lines = readFileSync(join(SCRIPTS, 'install', `${name}.sh`), 'utf8')
        .trimEnd()
        .split('\n');
      return lines.filter((line) => !line.startsWith('# shellcheck ')).join('\n');
    });
  if (whole.includes('$parts')) throw new Error('scripts/install.sh reads in a part that is not put in');
  return whole;
}
