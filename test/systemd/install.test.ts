/**
 * A signed release on a host with a real systemd, from install.sh to uninstall.sh: only where `npm run test:systemd` has
 * made a virtual machine. What happens there is in guest/install.sh; what came over an outage is judged here.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SignedReleases } from '../support/install-root.ts';
import { Releases } from '../support/release-root.ts';
import { MACHINE, runInMachine } from '../support/virtual-machine.ts';
import { machineFolder } from './signed-release.ts';

const MINUTE = 60_000;

/** Reports on the line that begins with the word, each a list of `TYPE SECOND`. */
function reportsOf(output: string, word: string): string[][] {
  const line = output.split('\n').find((one) => one.startsWith(`${word}: `)) ?? '';
  return line
    .slice(word.length + 2)
    .split(';')
    .map((report) => report.split(','));
}

describe.skipIf(MACHINE === '')('a signed release', () => {
  let releases: SignedReleases;
  let changed: Releases;

  beforeAll(async () => {
    releases = await SignedReleases.make();
    changed = new Releases();
  });
  afterAll(async () => {
    changed.remove();
    await releases.remove();
  });

  test(
    'is installed, upgraded, undone where it does not come up, loses no report in an outage, and leaves nothing',
    async () => {
      const folder = await machineFolder(releases, { versions: ['1.0.0', '1.1.0', '1.2.0'], verifySeconds: '5s' });
      const newest = join(folder, 'daemon-1.2.0-linux-x64.tar.gz');
      const bad = readFileSync(await changed.spoil(newest, 'crashes'));
      releases.change(newest, join(folder, 'crashes'), { bytes: () => bad });
      await build({
        entryPoints: [join(import.meta.dirname, 'guest/waiting-reports.mjs')],
        outfile: join(folder, 'waiting-reports.cjs'),
        bundle: true,
        platform: 'node',
        format: 'cjs',
      });

      const { status, output, failed } = await runInMachine('install', folder, 1500);
      expect(failed).toEqual([]);
      expect(output).toContain('all checks of the machine were made');
      expect(status).toBe(0);

      const promised = reportsOf(output, 'promised').flat();
      const before = reportsOf(output, 'before the outage');
      const meanwhile = reportsOf(output, 'taken of the outage');
      const taken = meanwhile.flat();
      const after = reportsOf(output, 'after the outage').flat();
      expect(promised.length).toBeGreaterThanOrEqual(12);
      expect(taken).toEqual(promised.slice(0, taken.length));
      // of what was taken, the last alone may come again: its answer may not have come before the power went
      const goesOn = promised.indexOf(after[0] ?? '');
      expect(goesOn).toBeGreaterThanOrEqual(taken.length - (meanwhile.at(-1)?.length ?? 0));
      expect(goesOn).toBeLessThanOrEqual(taken.length);
      expect(goesOn).toBeGreaterThan(0);
      expect(after.slice(0, promised.length - goesOn)).toEqual(promised.slice(goesOn));
      expect(after.length).toBeGreaterThan(promised.length - goesOn);
      expect(new Set(after).size).toBe(after.length);
      // the only one that may come again: its answer may have been lost with the Manager
      const known = new Set(before.slice(0, -1).flat());
      expect(after.filter((entry) => known.has(entry))).toEqual([]);
      for (const type of ['cpu', 'memory']) {
        const seconds = after
          .filter((entry) => entry.startsWith(`${type} `))
          .map((entry) => Number(entry.split(' ')[1]));
        expect(seconds).toEqual([...seconds].sort((a, b) => a - b));
      }
    },
    30 * MINUTE,
  );
});
