/** `daemonctl link` against a real socket. */
import { Command } from 'commander';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { registerLink } from '../../../../src/ctl/commands/link.ts';
import type { LinkView } from '../../../../src/shared/contracts/control.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { FakeDaemon } from '../fake-daemon.ts';
import { socketIn } from '../run.ts';

const VIEW: LinkView = {
  ...{ state: 'backing-off', sinceMs: 0, reason: 'nothing listens', address: '', protocol: '', nodeId: 'node-1' },
  ...{ stream: 'closed', plaintext: [], events: 3, operationsPort: 0, certificate: null },
  reports: { waiting: 4, bytes: 400, onDisk: 4, deadLetters: 0 },
};

let daemon: FakeDaemon;
let out: string;

beforeEach(async () => {
  daemon = await FakeDaemon.listen(socketIn(await testFolder('ctl-link')), { link: async () => VIEW });
  out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text;
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await daemon.goAway();
});

async function link(...args: string[]): Promise<string> {
  const program = new Command();
  registerLink(program);
  await program.parseAsync(['link', '--socket', daemon.path, ...args], { from: 'user' });
  return out;
}

test('shows what the daemon says', async () => {
  expect(await link()).toMatch(/^Manager link +backing-off for .*: nothing listens\n[\s\S]*Events waiting +3\n/);
});

test('--json gives it as it is', async () => {
  expect(JSON.parse(await link('--json'))).toEqual(VIEW);
});
