/** What an agent finds in its environment, of what the launcher and whoever starts it have put into the daemon's. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sampleAgent, TestHost } from '../support/daemon-process.ts';
import { waitFor } from '../support/wait-until.ts';

let host: TestHost;

beforeEach(async () => {
  host = await TestHost.make();
});
afterEach(async () => {
  await host.remove();
});

/** Of a process, which has it once its program runs. */
const environment = (pid: number): Record<string, string> => {
  const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
};

test('the places of CAs and the options of Node that are the daemon’s are none of an agent’s', async () => {
  const daemons = {
    ...{ SSL_CERT_FILE: '/dev/null', SSL_CERT_DIR: '/dev/null', MALLOC_ARENA_MAX: '1' },
    ...{
      DAEMON_EXTRA_CA_CERTS: '/etc/further.pem',
      DAEMON_NODE_OPTIONS: '--no-warnings',
      NODE_OPTIONS: '--no-warnings',
    },
    ...{ TZ: 'Asia/Tokyo' },
  };
  const agents = [sampleAgent('plain'), sampleAgent('its-own', { env: { SSL_CERT_FILE: '/etc/ssl/agent.pem' } })];
  await host.configure(1, 'off', { agents }); // no Manager answers there, and none is waited for
  host.start([], { env: daemons });
  const [plain, own] = await waitFor(
    () => {
      const found = host.agents().map(environment);
      const of = (id: string) => found.find((env) => env['DAEMON_AGENT_ID'] === id && env['DAEMON_HEARTBEAT_SOCKET']);
      const both = [of('plain'), of('its-own')];
      return both[0] && both[1] ? both : null;
    },
    { what: 'two agents with their environment', timeoutMs: 20_000 },
  );
  for (const name of Object.keys(daemons).filter((name) => name !== 'TZ')) {
    expect({ name, value: plain?.[name] }).toEqual({ name, value: undefined });
  }
  expect(plain).toMatchObject({ TZ: 'Asia/Tokyo', PATH: process.env['PATH'] });
  expect(own).toMatchObject({ SSL_CERT_FILE: '/etc/ssl/agent.pem' });
  expect(own).not.toHaveProperty('SSL_CERT_DIR');
});
