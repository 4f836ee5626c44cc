import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withScope } from '../../../../bench/bounded.ts';
import { isOfPeer, startPeers } from '../../../../bench/peers/run.ts';
import { watch } from '../../../../bench/watch.ts';
import { findAgents } from '../../../../src/demo/leftover-agents.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';

const { signal } = new AbortController();

/** Programs with these names, each a shell script. */
async function programs(scripts: Record<string, string>) {
  const root = await testFolder();
  const [path, folder] = [join(root, 'bin'), join(root, 'peers')];
  await mkdir(path);
  await mkdir(folder);
  for (const [name, script] of Object.entries(scripts)) {
    const text = `#!/bin/sh\nif [ "$1" = --version ]; then echo "version 1.2.3"; exit; fi\n${script}\n`;
    await writeFile(join(path, name), text, { mode: 0o755 });
  }
  // in place of the bundle: the agents need only live
  await writeFile(join(root, 'sample-agent.js'), 'setInterval(() => {}, 1e6);\n');
  return { path, folder, bundles: root, signal };
}

const STARTS_AGENTS = 'sed -n "s/^command = //p" "$3" | while read -r agent; do $agent & done';

test('a supervisor’s own processes are told from its agents, and none is left', async () => {
  const options = await programs({ supervisord: `${STARTS_AGENTS}\nexec sleep 1000` });
  await withScope(async (scope) => {
    const { running, missing, failed } = await startPeers(scope, options);
    expect(failed).toEqual([]);
    expect(running.map(({ plan, version, pids }) => [plan.name, version, pids.length])).toEqual([
      ['supervisord', '1.2.3', 1],
    ]);
    expect(missing).toEqual(['node_exporter', 'monit', 'PM2', 'collectd', 'telegraf']);
    expect(findAgents(options.folder, [])).toHaveLength(4);
  });
  expect(findAgents(options.folder, [])).toEqual([]);
});

/** As many as there are agents, and something else that stays. */
const DETACHES = `case $1 in
start) for n in 1 2 3; do node "$(dirname "$0")/../sample-agent.js" & done; sleep 1000 & ;;
kill) touch "$PM2_HOME/told-to-end" ;;
esac`;

test('one that leaves its starter is found, ended by its own command, and looked for afterwards', async () => {
  const options = await programs({ pm2: DETACHES });
  await withScope(async (scope) => {
    const { running, failed } = await startPeers(scope, options);
    expect(failed).toEqual([]);
    expect(running.map(({ plan, pids }) => [plan.name, pids.length])).toEqual([['PM2', 1]]);
  });
  expect(existsSync(join(options.folder, 'PM2', 'told-to-end'))).toBe(true);
  expect(findAgents(options.folder, [])).toEqual([]);
});

test('one that ends at once is told with what it said, and is no failure of the others', async () => {
  const options = await programs({ monit: 'echo "no control file" >&2; exit 3', node_exporter: 'exec sleep 1000' });
  await withScope(async (scope) => {
    const { running, failed } = await startPeers(scope, options);
    expect(running.map(({ plan }) => plan.name)).toEqual(['node_exporter']);
    expect(failed).toEqual([expect.stringMatching(/^monit: it ended with code 3\s+no control file$/)]);
  });
});

test('what a supervisor starts besides its agents counts with it, and comes and goes', async () => {
  const options = await programs({ supervisord: `${STARTS_AGENTS}\nsleep 1000 &\nsleep 1000 & wait` });
  await withScope(async (scope) => {
    const { running } = await startPeers(scope, options);
    const [peer] = running;
    if (!peer) throw new Error('it was to run');
    expect(peer.pids).toHaveLength(1);
    await waitFor(() => findAgents(options.folder, []).length === 6, { what: 'all that it starts' });
    const watching = { windowMs: 200, signal };
    const [found] = await watch([{ pids: peer.pids, counts: isOfPeer, mayEnd: true }], watching);
    expect(found).toMatchObject({ processes: 3, endedAtMs: null });
  });
});

test('one that ends afterwards is told with how, and is no failure of what is watched beside it', async () => {
  const options = await programs({ node_exporter: 'read -r _ < "$(dirname "$0")/end"; echo "no more" >&2; exit 4' });
  execFileSync('mkfifo', [join(options.path, 'end')]);
  await withScope(async (scope) => {
    const { running } = await startPeers(scope, options);
    const [peer] = running;
    if (!peer) throw new Error('it was to run');
    const subjects = [{ pids: [process.pid] }, { pids: peer.pids, counts: isOfPeer, mayEnd: true }];
    const stop = new AbortController();
    let samples = 0;
    const wait = async (): Promise<void> => {
      if (++samples === 3) await writeFile(join(options.path, 'end'), '\n');
      if (samples >= 3) await waitFor(() => peer.end() !== 'it ended', { what: 'its end' });
    };
    let ms = 0;
    const nowMs = (): number => ms++ * 50;
    const [own, ended] = await watch(subjects, { windowMs: 2000, signal: stop.signal, wait, nowMs });
    expect(own?.endedAtMs).toBeNull();
    expect(ended?.readings).toHaveLength(3);
    expect(ended?.endedAtMs).toBeGreaterThan(0);
    expect(peer.end()).toBe('it ended with code 4\n  no more');
  });
});
