/**
 * The self-update under a real systemd, in a virtual machine: only where `npm run test:systemd` has made one.
 * Everything that happens in it is in guest/self-update.sh, which prints a line a check and ends with the number of
 * those that failed.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { keygen } from '../../src/ctl/keygen.ts';
import { sign } from '../../src/ctl/sign.ts';
import { createCertificates } from '../../src/demo/certificates.ts';
import { DIST } from '../support/manager-process.ts';
import { type Fault, Releases } from '../support/release-root.ts';
import { MACHINE, runInMachine } from '../support/virtual-machine.ts';

const MINUTE = 60_000;
const [OLD, NEW, NEWER] = ['1.0.0', '1.1.0', '1.2.0'];
const FAULTS: Fault[] = ['crashes', 'hangs', 'cannot connect'];

const CONFIG = {
  daemon: { log_file: '/var/log/daemon.log', pid_file: '/run/hostd.pid', work_dir: '/var/lib/hostd' },
  manager: {
    address: '127.0.0.1:9090',
    tls: {
      cert_file: '/vm-test/in/tls/client.crt',
      key_file: '/vm-test/in/tls/client.key',
      ca_file: '/vm-test/in/tls/ca.crt',
    },
    heartbeat_interval: '5s',
    reconnect_interval: '1s',
  },
  agents: ['one', 'two'].map((id) => ({
    id,
    type: 'custom',
    binary_path: '/bin/sleep',
    args: ['100000'],
    health_check: { heartbeat_timeout: 0 },
  })),
  update: {
    download_dir: '/var/lib/hostd/downloads',
    backup_dir: '/var/lib/hostd/backups',
    public_key_file: '/vm-test/in/key.pub',
    verify_timeout: '60s',
    verify_seconds: '5s',
  },
};

describe.skipIf(MACHINE === '')('under systemd', () => {
  let releases: Releases;

  beforeAll(async () => {
    releases = new Releases();
  });
  afterAll(() => releases.remove());

  test(
    'good versions stay, bad ones are undone, agents never notice',
    async () => {
      const folder = join(releases.folder, 'machine');
      mkdirSync(join(folder, 'tls'), { recursive: true });
      await createCertificates(join(folder, 'tls'));
      keygen({ type: 'ecdsa', bits: 0, curve: 'P-256', out: join(folder, 'key'), passphraseFile: '' });
      const take = (path: string, name: string, version: string): void => {
        const to = join(folder, `${name}.tar.gz`);
        cpSync(path, to);
        const expiresMs = Date.now() + 60 * MINUTE;
        const manifest = { component: 'daemon', agent: '', version, platform: 'linux', arch: process.arch } as const;
        const all = { ...manifest, expiresMs, allowDowngrade: false };
        sign({
          file: to,
          keyFile: join(folder, 'key'),
          passphraseFile: '',
          pss: false,
          manifest: all,
          nowMs: Date.now(),
        });
      };
      take(await releases.build(OLD), 'old', OLD);
      take(await releases.build(NEW), 'good', NEW);
      const newer = await releases.build(NEWER);
      take(newer, 'newer', NEWER);
      for (const fault of FAULTS) take(await releases.spoil(newer, fault), fault.replace(' ', '-'), NEWER);
      cpSync(join(DIST, 'manager.js'), join(folder, 'manager.js'));
      cpSync(join(DIST, 'package.json'), join(folder, 'package.json'));
      writeFileSync(join(folder, 'daemon.yaml'), stringify(CONFIG));
      const { status, output, failed } = await runInMachine('self-update', folder, 1500);
      expect(failed).toEqual([]);
      expect(output).toContain('all checks of the machine were made');
      expect(status).toBe(0);
    },
    30 * MINUTE,
  );
});
