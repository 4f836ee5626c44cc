/** The port with an identity that comes from real files: a key with a passphrase, and files that change. */
import { createPrivateKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { credentials, type ServiceError } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import { createAuthority, createCertificates } from '../../../../src/demo/certificates.ts';
import type { DaemonServiceClient } from '../../../../src/shared/gen/daemon.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { identitiesOf, servedHost } from './served.ts';

const host = servedHost();

async function files() {
  const folder = await testFolder('identity');
  const [certFile, keyFile] = [join(folder, 'host.crt'), join(folder, 'host.key')];
  const [caFile, keyPassphraseFile] = [join(folder, 'ca.crt'), join(folder, 'phrase')];
  writeFileSync(caFile, host.read('ca.crt'));
  writeFileSync(certFile, host.read('server.crt'));
  writeFileSync(keyFile, host.read('server.key'), { mode: 0o600 });
  return { certFile, keyFile, caFile, keyPassphraseFile };
}

/** How far a client comes that speaks nothing above TLS 1.2. */
function oldProtocol(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({
      ...{ port, host: '127.0.0.1', servername: 'localhost', maxVersion: 'TLSv1.2', rejectUnauthorized: false },
      ...{ key: host.read('client.key'), cert: host.read('client.crt') },
    });
    socket.once('secureConnect', () => resolve('connected'));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    onTestFinished(() => {
      socket.destroy();
    });
  });
}

test('a key with a passphrase serves', async () => {
  const paths = await files();
  const key = createPrivateKey(host.read('server.key'));
  const secret = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'a phrase' } as const;
  writeFileSync(paths.keyFile, key.export(secret));
  writeFileSync(paths.keyPassphraseFile, 'a phrase\n');
  const { port } = await host.serve({ tls: identitiesOf(paths, host.log) });
  expect(await host.ask(port, 'listAgents', {})).toHaveProperty('agents');
});

test('files that change: live connections go on, the old CA is let in no more, a set that does not fit changes nothing', async () => {
  const paths = { ...(await files()), keyPassphraseFile: '' };
  const certificates = identitiesOf(paths, host.log);
  const { port } = await host.serve({ tls: certificates });
  const live = host.client(port);
  await host.ask(live, 'listAgents', {});
  expect(await oldProtocol(port)).toMatch(/PROTOCOL_VERSION/);

  const folder = await testFolder('fresh');
  const fresh = await createAuthority('new CA');
  await createCertificates(folder, { authority: fresh });
  const issued = await fresh.issue({ name: 'host', hosts: ['localhost', '127.0.0.1'] });
  writeFileSync(paths.certFile, issued.cert);
  await certificates.look(); // the key and the CA are still the old ones
  expect(await host.ask(port, 'listAgents', {})).toHaveProperty('agents');

  writeFileSync(paths.keyFile, issued.key);
  writeFileSync(paths.caFile, fresh.cert);
  await certificates.look();
  const pair = await fresh.issue({ name: 'manager' });
  const client = (key: string | Buffer, cert: string | Buffer): DaemonServiceClient =>
    host.client(port, credentials.createSsl(Buffer.from(fresh.cert), Buffer.from(key), Buffer.from(cert)));
  expect(await host.ask(client(pair.key, pair.cert), 'listAgents', {})).toHaveProperty('agents');
  const outdated = await host.ask(client(host.read('client.key'), host.read('client.crt')), 'listAgents', {}).then(
    () => null,
    (error: ServiceError) => error,
  );
  expect(outdated).not.toBeNull();
  expect(await oldProtocol(port)).toMatch(/PROTOCOL_VERSION/);
  expect(await host.ask(live, 'listAgents', {})).toHaveProperty('agents');
});
