import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { expect, test } from 'vitest';
import { prettyName, readHostFacts } from '../../../../src/workers/collect/host-facts.ts';
import { FIXTURES } from './support.ts';

const NOTHING = { os: '', kernel: '', virtualization: '', container: '', cloud: '' };

test.each([
  ['host-vm', { os: 'Example Linux 1.2 ("Codename")', kernel: '6.1.0-example', virtualization: 'vm' }],
  ['host-container', { os: 'Small', virtualization: 'container', container: 'kubernetes' }],
  ['host-docker', { virtualization: 'container', container: 'docker', cloud: 'aws' }],
  ['host-podman', { virtualization: 'container', container: 'podman' }],
  ['host-lxc', { virtualization: 'container', container: 'lxc' }],
  ['host-pod', { virtualization: 'container', container: 'kubernetes' }],
  ['host-nspawn', { virtualization: 'container' }],
  ['host-containerd', { virtualization: 'container' }],
  ['host-metal', { virtualization: 'bare metal' }],
  ['host-arm-vm', { virtualization: 'vm' }],
  ['host-gcp', { virtualization: 'vm', cloud: 'gcp' }],
  ['nothing-there', {}],
])('%s', (tree, expected) => {
  const fileRoot = `${FIXTURES}/${tree}`;
  const facts = readHostFacts({ procRoot: `${fileRoot}/proc`, sysRoot: `${fileRoot}/sys`, fileRoot });
  expect(facts).toEqual({ ...NOTHING, ...expected });
});

test.each([
  ["PRETTY_NAME='A B'", 'A B'],
  ['PRETTY_NAME=A', 'A'],
  ['PRETTY_NAME=', ''],
  ['NAME=A', ''],
])('prettyName: %s', (text, expected) => {
  expect(prettyName(text)).toBe(expected);
});

test('on this host', (context) => {
  if (process.platform !== 'linux') return context.skip('not Linux');
  const facts = readHostFacts();
  expect(facts.kernel).toBe(release());
  if (facts.os) expect(readFileSync('/etc/os-release', 'utf8')).toContain(facts.os.split('"')[0]);
});
