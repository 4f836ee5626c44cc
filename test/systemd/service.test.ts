/**
 * The daemon as the service that scripts/systemd/daemon.service makes of it, under a real systemd in a virtual machine:
 * only where `npm run test:systemd` has made one. What happens there is in guest/service.sh.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { Releases } from '../support/release-root.ts';
import { MACHINE, runInMachine } from '../support/virtual-machine.ts';

const MINUTE = 60_000;
const UNIT = join(import.meta.dirname, '../../scripts/systemd/daemon.service');
const PAGE = join(import.meta.dirname, '../../docs/systemd.md');

const agent = (id: string, script: string, over: object = {}): object => ({
  id,
  type: 'custom',
  binary_path: '/bin/sh',
  args: ['-c', script],
  health_check: { heartbeat_timeout: 0, memory_threshold: 0, cpu_threshold: 0 },
  ...over,
});

/** `hog` takes what it can get once somebody says so; `brood` leaves a child that no mark tells it by. */
const CONFIG = {
  daemon: { grpc_port: 0 },
  // nobody is there: the service is ready all the same
  manager: { address: '127.0.0.1:9', tls: 'off', reconnect_interval: '10s' },
  agents: [
    agent('one', 'exec sleep 100001', { limits: { memory_high: '36MB' } }),
    agent('two', 'exec sleep 100002'),
    agent('brood', 'env -i setsid sleep 200000 & exec sleep 100003'),
    agent('hog', 'until [ -e /run/hog ]; do sleep 0.2; done; rm /run/hog; tail /dev/zero & exec sleep 100004', {
      limits: { memory: '40MB', cpu: 60, tasks: 20 },
      restart: { policy: 'never' },
    }),
  ],
};

/** NAME is the name of its folders. */
const OTHER_USERS = {
  ...CONFIG,
  daemon: {
    ...CONFIG.daemon,
    log_file: '/var/log/NAME/daemon.log',
    audit_log_file: '-',
    work_dir: '/var/lib/NAME',
    pid_file: '/run/NAME/daemon.pid',
  },
  agents: [
    agent('one', 'exec sleep 100001'),
    agent('two', 'exec sleep 100002', { limits: { memory: '40MB', tasks: 20 } }),
  ],
  update: { download_dir: '/var/lib/NAME/downloads', backup_dir: '/var/lib/NAME/backups' },
};

describe.skipIf(MACHINE === '')('as a service', () => {
  let releases: Releases;

  beforeAll(() => {
    releases = new Releases();
  });
  afterAll(() => releases.remove());

  test(
    'ready when it serves, watched, reloaded, stopped and killed while agents live on, and back after a reboot',
    async () => {
      const folder = join(releases.folder, 'machine');
      mkdirSync(folder, { recursive: true });
      cpSync(await releases.build('1.0.0'), join(folder, 'release.tar.gz'));
      cpSync(UNIT, join(folder, 'daemon.service'));
      writeFileSync(join(folder, 'daemon.yaml'), stringify(CONFIG));
      const { status, output, failed } = await runInMachine('service', folder, 900);
      expect(failed).toEqual([]);
      expect(output).toContain('all checks of the machine were made');
      expect(status).toBe(0);
      const documented = /`systemd-analyze security daemon` gives (\d+\.\d)/.exec(readFileSync(PAGE, 'utf8'))?.[1];
      expect(documented).toBeDefined();
      expect(/^exposure: (\S+)$/m.exec(output)?.[1]).toBe(documented);
    },
    20 * MINUTE,
  );

  test(
    'of other users: without scopes where they may not be made, with those of a user’s own manager',
    async () => {
      const folder = join(releases.folder, 'other-users');
      mkdirSync(folder, { recursive: true });
      cpSync(await releases.build('1.0.0'), join(folder, 'release.tar.gz'));
      cpSync(UNIT, join(folder, 'daemon.service'));
      writeFileSync(join(folder, 'daemon.yaml'), stringify(OTHER_USERS));
      const { status, output, failed } = await runInMachine('other-users', folder, 600);
      expect(failed).toEqual([]);
      expect(output).toContain('all checks of the machine were made');
      expect(status).toBe(0);
    },
    20 * MINUTE,
  );
});
