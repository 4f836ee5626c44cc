import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { expect, test } from 'vitest';
import { prettyName, readHostFacts } from '../../../../src/workers/collect/host-facts.ts';
import { FIXTURES } from './support.ts';

test.each([
  ['host-vm', { os: 'Example Linux 1.2 ("Codename")', kernel: '6.1.0-example', virtualization: 'vm' }],
  ['host-container', { os: 'Small', kernel: '', virtualization: 'container' }],
  ['host-metal', { os: '', kernel: '', virtualization: 'bare metal' }],
  ['host-arm-vm', { os: '', kernel: '', virtualization: 'vm' }],
  ['nothing-there', { os: '', kernel: '', virtualization: '' }],
])('%s', (tree, expected) => {
  const fileRoot = `${FIXTURES}/${tree}`;
  expect(readHostFacts({ procRoot: `${fileRoot}/proc`, sysRoot: `${fileRoot}/sys`, fileRoot })).toEqual(expected);
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
