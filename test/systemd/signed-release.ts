/** What the tests of a signed release give to the machine; guest/installed.sh has the other end of it. */
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { stringify } from 'yaml';
import { createCertificates } from '../../src/demo/certificates.ts';
import type { SignedReleases } from '../support/install-root.ts';
import { DIST } from '../support/manager-process.ts';

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
};

/** A copy of the releases' archive in the folder, with what install.sh wants beside it. */
function take(archive: string, folder: string): void {
  for (const end of ['', '.manifest.json', '.manifest.json.sig']) {
    copyFileSync(archive + end, join(folder, basename(archive) + end));
  }
}

/**
 * Path of a folder with releases of these versions as they ship, Node included, install.sh and the key; a Manager, its
 * certificates, and a configuration with `verifySeconds` as it is written there.
 */
export async function machineFolder(
  releases: SignedReleases,
  { versions, verifySeconds }: { versions: readonly string[]; verifySeconds: string },
): Promise<string> {
  const folder = join(releases.folder, 'machine');
  mkdirSync(join(folder, 'tls'), { recursive: true });
  await createCertificates(join(folder, 'tls'));
  for (const version of versions) take(releases.build(version, { node: true }), folder);
  copyFileSync(releases.installer, join(folder, 'install.sh'));
  copyFileSync(releases.publicKey, join(folder, 'key.pub'));
  for (const name of ['manager.js', 'package.json']) cpSync(join(DIST, name), join(folder, name));
  const update = { verify_timeout: '90s', verify_seconds: verifySeconds };
  writeFileSync(join(folder, 'daemon.yaml'), stringify({ ...CONFIG, update }));
  return folder;
}
