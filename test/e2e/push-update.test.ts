/** The Manager pushes an update to the built daemon: over its operations port, with the package inline. */
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { keygen } from '../../src/ctl/keygen.ts';
import { sign } from '../../src/ctl/sign.ts';
import { createCertificates, LOOPBACK_HOSTS } from '../../src/demo/certificates.ts';
import { DaemonServiceClient, type UpdateRequest, type UpdateResponse } from '../../src/shared/gen/daemon.ts';
import { TestHost } from '../support/daemon-process.ts';
import { freePort } from '../support/free-port.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-until.ts';

let manager: ManagerProcess;
let host: TestHost;
let tls: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  tls = await temporaryFolder('tls');
  const authority = await createCertificates(tls.path);
  // one certificate for both directions, as a host has it
  const { cert, key } = await authority.issue({ name: 'host', hosts: LOOPBACK_HOSTS });
  writeFileSync(join(tls.path, 'host.crt'), cert);
  writeFileSync(join(tls.path, 'host.key'), key);
  manager = await ManagerProcess.start({ tlsFolder: tls.path });
});
afterAll(async () => {
  await manager.stop('SIGKILL');
  await tls.remove();
});
beforeEach(async () => {
  host = await TestHost.make();
});
afterEach(() => host.remove());

const program = (version: string): string =>
  `#!/bin/sh\n[ "$1" = --version ] && { echo "own ${version}"; exit; }\nexec sleep 600\n`;

function clientOf(port: number): DaemonServiceClient {
  const read = (name: string): Buffer => readFileSync(join(manager.tlsFolder, name));
  const secure = credentials.createSsl(read('ca.crt'), read('client.key'), read('client.crt'));
  const client = new DaemonServiceClient(`127.0.0.1:${port}`, secure);
  onTestFinished(() => client.close());
  return client;
}

test('an agent is updated, and the Manager hears what became of it', async () => {
  const binary = join(host.folder, 'own');
  writeFileSync(binary, program('1.0.0'));
  chmodSync(binary, 0o755);
  const keyFile = join(host.folder, 'key');
  keygen({ type: 'rsa', bits: 2048, curve: '', out: keyFile, passphraseFile: '' });
  const next = join(host.folder, 'next');
  writeFileSync(next, program('2.0.0'));
  const { sha256, signature } = sign({
    file: next,
    keyFile,
    passphraseFile: '',
    pss: true,
    manifest: null,
    nowMs: Date.now(),
  });
  const port = await freePort();
  const file = (name: string): string => join(manager.tlsFolder, name);
  await host.configure(manager.port, manager.tlsFolder, {
    daemon: {
      log_file: host.logFile,
      audit_log_file: join(host.folder, 'audit.log'),
      pid_file: join(host.folder, 'daemon.pid'),
      work_dir: host.workDir,
      grpc_port: port,
    },
    manager: {
      address: `127.0.0.1:${manager.port}`,
      tls: { cert_file: file('host.crt'), key_file: file('host.key'), ca_file: file('ca.crt') },
    },
    agents: [
      {
        id: 'own',
        type: 'custom',
        binary_path: binary,
        args: [],
        version_args: ['--version'],
        health_check: { heartbeat_timeout: 0 },
      },
    ],
    update: {
      download_dir: join(host.folder, 'downloads'),
      backup_dir: join(host.folder, 'backups'),
      public_key_file: `${keyFile}.pub`,
      verify_timeout: '20s',
      verify_seconds: '1s',
    },
  });
  host.start();
  await host.logged('operations-port', ({ level }) => level === 'info');
  await host.logged('agent-status', ({ msg }) => msg.includes('is running'));
  const request: UpdateRequest = {
    nodeId: '',
    component: 'agent',
    version: '2.0.0',
    downloadUrl: '',
    hash: sha256,
    signature: signature?.base64 ?? '',
    updateData: readFileSync(next),
    agentId: '',
    manifest: '',
    retry: false,
  };
  const push = (): Promise<UpdateResponse> =>
    new Promise((resolve, reject) => {
      clientOf(port).pushUpdate(request, (error, response) => (error ? reject(error) : resolve(response)));
    });
  // asked twice, as after a lost answer: the second one joins
  expect(await push()).toMatchObject({ success: true, message: expect.stringContaining('has begun') });
  expect(await push()).toMatchObject({ success: true, message: expect.stringContaining('under way') });
  const told = await manager.event('happened', ({ updates }) => updates.length > 0, 30_000);
  expect(told.updates).toEqual([
    expect.objectContaining({
      component: 'agent',
      agentId: 'own',
      success: true,
      oldVersion: '1.0.0',
      newVersion: '2.0.0',
    }),
  ]);
  await manager.event('states', ({ states }) => states[0]?.version === '2.0.0');
  expect(readFileSync(binary, 'utf8')).toBe(program('2.0.0'));
  await waitFor(
    () => existsSync(join(host.folder, 'downloads')) && readdirSync(join(host.folder, 'downloads')).length === 0,
    {
      what: 'an empty download folder',
    },
  );
}, 60_000);
