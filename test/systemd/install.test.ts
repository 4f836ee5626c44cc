/**
 * A signed release on a host with a real systemd, from install.sh to uninstall.sh: only where `npm run test:systemd` has
 * made a virtual machine. What happens there is in guest/install.sh; what came over an outage is judged here.
 */
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { createCertificates } from '../../src/demo/certificates.ts';
import { SignedReleases } from '../support/install-root.ts';
import { DIST } from '../support/manager-process.ts';
import { Releases } from '../support/release-root.ts';
import { MACHINE, runInMachine } from '../support/virtual-machine.ts';

const MINUTE = 60_000;

/** Certificates, keys and folders are where install.sh has them. */
const CONFIG = {
  daemon: { grpc_port: 0 },
  manager: { address: '127.0.0.1:9090', heartbeat_interval: '30s', reconnect_interval: '1s' },
  agents: [1, 2].map((number) => ({
    id: ['one', 'two'][number - 1],
    type: 'custom',
    binary_path: '/bin/sleep',
    args: [`10000${number}`],
    health_check: { heartbeat_timeout: 0 },
  })),
  collectors: {
    cpu: { interval: '1s' },
    memory: { interval: '1s' },
    disk: { enabled: false },
    network: { enabled: false },
  },
  update: { verify_timeout: '60s', verify_seconds: '5s' },
};

/** Reports on the line that begins with the word, each a list of `TYPE SECOND`. */
function reportsOf(output: string, word: string): string[][] {
  const line = output.split('\n').find((one) => one.startsWith(`${word}: `)) ?? '';
  return line
    .slice(word.length + 2)
    .split(';')
    .map((report) => report.split(','));
}

/** A copy of the releases' archive in the folder, with what install.sh wants beside it. */
function take(archive: string, folder: string): void {
  for (const end of ['', '.manifest.json', '.manifest.json.sig']) {
    copyFileSync(archive + end, join(folder, basename(archive) + end));
  }
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
      const folder = join(releases.folder, 'machine');
      mkdirSync(join(folder, 'tls'), { recursive: true });
      await createCertificates(join(folder, 'tls'));
      const [first = '', good = '', newest = ''] = ['1.0.0', '1.1.0', '1.2.0'].map((version) =>
        releases.build(version),
      );
      for (const archive of [first, good, newest]) take(archive, folder);
      const bad = readFileSync(await changed.spoil(newest, 'crashes'));
      releases.change(newest, join(folder, 'crashes'), { bytes: () => bad });
      copyFileSync(releases.installer, join(folder, 'install.sh'));
      copyFileSync(releases.publicKey, join(folder, 'key.pub'));
      for (const name of ['manager.js', 'package.json']) cpSync(join(DIST, name), join(folder, name));
      await build({
        entryPoints: [join(import.meta.dirname, 'guest/waiting-reports.mjs')],
        outfile: join(folder, 'waiting-reports.cjs'),
        bundle: true,
        platform: 'node',
        format: 'cjs',
      });
      writeFileSync(join(folder, 'daemon.yaml'), stringify(CONFIG));

      const { status, output, failed } = await runInMachine('install', folder, 1500);
      expect(failed).toEqual([]);
      expect(output).toContain('all checks of the machine were made');
      expect(status).toBe(0);

      const promised = reportsOf(output, 'promised').flat();
      const before = reportsOf(output, 'before the outage');
      const after = reportsOf(output, 'after the outage').flat();
      expect(promised.length).toBeGreaterThanOrEqual(12);
      expect(after.slice(0, promised.length)).toEqual(promised);
      expect(after.length).toBeGreaterThan(promised.length);
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
