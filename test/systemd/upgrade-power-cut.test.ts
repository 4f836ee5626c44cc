/**
 * A signed release under a real systemd whose upgrade is cut off by a power cut: only where `npm run test:systemd` has
 * made a virtual machine. What happens there, and after each of its boots, is in guest/upgrade-power-cut.sh.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SignedReleases } from '../support/install-root.ts';
import { MACHINE, runInMachine } from '../support/virtual-machine.ts';
import { machineFolder } from './signed-release.ts';

const MINUTE = 60_000;

describe.skipIf(MACHINE === '')('an upgrade of a signed release', () => {
  let releases: SignedReleases;

  beforeAll(async () => {
    releases = await SignedReleases.make();
  });
  afterAll(() => releases.remove());

  test(
    'comes to one of the two versions by itself after a power cut at any point of it',
    async () => {
      // long enough for the power to go while it proves itself
      const folder = await machineFolder(releases, { versions: ['1.0.0', '1.1.0', '1.2.0'], verifySeconds: '10s' });
      const { status, output, failed } = await runInMachine('upgrade-power-cut', folder, 1500);
      expect(failed).toEqual([]);
      expect(output).toContain('all checks of the machine were made');
      expect(output.match(/^power cut now$/gm)).toHaveLength(3);
      expect(status).toBe(0);
    },
    30 * MINUTE,
  );
});
