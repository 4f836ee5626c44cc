import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { demoAgents, findProgram } from '../../../src/demo/agents.ts';
import { testFolder } from '../../support/temp-folder.ts';

async function pathWith(names: string[], mode = 0o755): Promise<string> {
  const folder = await testFolder('path');
  for (const name of names) {
    await writeFile(join(folder, name), '');
    await chmod(join(folder, name), mode);
  }
  return folder;
}

test('the first name wins, then the first folder; what is no program is passed over', async () => {
  const [later, first] = [await pathWith(['a', 'b']), await pathWith(['b'])];
  expect(findProgram(['a', 'b'], `${first}:${later}`)).toBe(join(later, 'a'));
  expect(findProgram(['b'], `relative::${first}:${later}`)).toBe(join(first, 'b'));
  await mkdir(join(first, 'c'));
  expect(findProgram(['c'], first)).toBeNull();
});

test('without a node_exporter two sample agents', async () => {
  const agents = await demoAgents('/dist/sample-agent.js', '', true);
  expect(agents.map(({ id, type, binaryPath }) => ({ id, type, binaryPath }))).toEqual([
    { id: 'sample-agent-1', type: 'custom', binaryPath: process.execPath },
    { id: 'sample-agent-2', type: 'custom', binaryPath: process.execPath },
  ]);
  expect(agents[1]?.args).toEqual(['/dist/sample-agent.js', '--name', 'sample-agent-2', '--interval', '2s']);
});

test('a node_exporter of either name is asked over HTTP where it listens', async () => {
  const path = await pathWith(['prometheus-node-exporter']);
  const [exporter, sample] = await demoAgents('/dist/sample-agent.js', path, false);
  expect(exporter).toMatchObject({
    type: 'node_exporter',
    binaryPath: join(path, 'prometheus-node-exporter'),
    sendsHeartbeats: false,
  });
  const address = /^--web\.listen-address=(127\.0\.0\.1:[1-9]\d+)$/.exec(exporter?.args[0] ?? '')?.[1];
  expect(exporter?.httpEndpoint).toBe(`http://${address}/`);
  expect(sample).toMatchObject({ id: 'sample-agent', sendsHeartbeats: true });
});
