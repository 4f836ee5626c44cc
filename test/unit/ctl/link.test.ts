/** `daemonctl link` against a real control socket. */
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { registerLink } from '../../../src/ctl/link.ts';
import { ControlServer } from '../../../src/main/control/control-server.ts';
import type { ControlHandlers, LinkView } from '../../../src/shared/contracts/control.ts';
import { FakeLog } from '../../fakes/log.ts';
import { testFolder } from '../../support/temp-folder.ts';

const VIEW: LinkView = {
  ...{ state: 'backing-off', sinceMs: 0, reason: 'nothing listens', address: '', protocol: '', nodeId: 'node-1' },
  ...{ stream: 'closed', plaintext: [], events: 3, operationsPort: 0, certificate: null },
  reports: { waiting: 4, bytes: 400, onDisk: 4, deadLetters: 0 },
};

let server: ControlServer;
let socket: string;
let out: string;

beforeEach(async () => {
  socket = join(await testFolder('ctl-link'), 'control.sock');
  const other = (): Promise<never> => Promise.reject(new Error('not asked for here'));
  const handlers: ControlHandlers = {
    ...{ update: other, updateStatus: other, updateAcknowledge: other, backups: other, rollback: other },
    link: async () => VIEW,
  };
  server = await ControlServer.listen({ path: socket, handlers, log: new FakeLog() });
  out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text;
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await server.close();
});

async function link(...args: string[]): Promise<string> {
  const program = new Command();
  registerLink(program);
  await program.parseAsync(['link', '--socket', socket, ...args], { from: 'user' });
  return out;
}

test('shows what the daemon says', async () => {
  expect(await link()).toMatch(/^Manager link +backing-off for .*: nothing listens\n[\s\S]*Events waiting +3\n/);
});

test('--json gives it as it is', async () => {
  expect(JSON.parse(await link('--json'))).toEqual(VIEW);
});
