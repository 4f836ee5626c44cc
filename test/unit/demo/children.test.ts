import { expect, test } from 'vitest';
import { DemoChild, describeExit } from '../../../src/demo/children.ts';
import { waitFor } from '../../support/wait-until.ts';

test('its lines are handed on, the last of its errors are kept', async () => {
  const lines: string[] = [];
  const child = new DemoChild('x', ['-e', 'console.log("out"); for (let i = 0; i < 20; i++) console.error(i)'], {
    onLine: (line) => lines.push(line),
  });
  expect(describeExit(await child.exited)).toBe('ended with code 0');
  expect(child.tail()).toEqual(Array.from({ length: 15 }, (_, at) => String(at + 5)));
  expect(lines).toEqual(['out']);
});

test('another program than this Node, in another environment', async () => {
  const lines: string[] = [];
  const child = new DemoChild('x', ['-c', 'echo "$A $HOME"; exit 3'], {
    ...{ program: '/bin/sh', env: { A: 'b' }, onLine: (line) => lines.push(line) },
  });
  expect(describeExit(await child.exited)).toBe('ended with code 3');
  expect(lines).toEqual(['b ']);
});

test('one that does not go by itself is killed', async () => {
  const child = new DemoChild('x', [
    '-e',
    'process.on("SIGTERM", () => {}); console.error("ready"); setInterval(() => {}, 1e6)',
  ]);
  await waitFor(() => child.tail().includes('ready'), { what: 'the child' });
  await child.stop(50);
  expect(describeExit(await child.exited)).toBe('was ended by SIGKILL');
  await child.stop(50); // has ended: nothing to do
});

test('a grandchild that holds its output does not keep its end from being seen', async () => {
  const holder =
    'const c = require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { stdio: "inherit" }); console.error(c.pid); process.exit(4)';
  const child = new DemoChild('x', ['-e', holder]);
  expect(describeExit(await child.exited)).toBe('ended with code 4');
  process.kill(Number(child.tail()[0]), 'SIGKILL');
});
