import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withScope } from '../../../../bench/bounded.ts';
import { startPeers } from '../../../../bench/peers/run.ts';
import { findAgents } from '../../../../src/demo/leftover-agents.ts';
import { testFolder } from '../../../support/temp-folder.ts';

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
