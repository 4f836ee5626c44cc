import { expect, test } from 'vitest';
import { DemoChild, describeExit } from '../../../src/demo/children.ts';
import { waitFor } from '../../support/wait-until.ts';

test('its lines are handed on, the last of its errors are kept', async () => {
  const lines: string[] = [];
  const child = new DemoChild('x', ['-e', 'console.log("out"); for (let i = 0; i < 20; i++) console.error(i)'], {
    onLine: (line) => lines.push(line),
  });
  expect(describeExit(await child.exited)).toBe('ended with code 0');
  await waitFor(() => child.tail().includes('19') && lines.length === 1, { what: 'the output' });
  expect(child.tail()).toEqual(Array.from({ length: 15 }, (_, at) => String(at + 5)));
  expect(lines).toEqual(['out']);
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
