import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { descendants, readProcessTree } from '../../../bench/process-tree.ts';
import { testFolder } from '../../support/temp-folder.ts';

const all = (): boolean => true;

test('zombies, and what is no process, are left out', async () => {
  const root = await testFolder();
  const stat = (pid: number, state: string, parent: number): string => {
    return `${pid} (a) S) ${state} ${parent} 1 1 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 5000 1000 250 0`;
  };
  for (const [pid, state, parent] of [
    [10, 'S', 1],
    [11, 'S', 10],
    [12, 'Z', 10],
    [13, 'R', 11],
  ] as const) {
    await mkdir(join(root, `${pid}`));
    await writeFile(join(root, `${pid}`, 'stat'), stat(pid, state, parent));
  }
  await mkdir(join(root, '14')); // one that goes as it is read
  await mkdir(join(root, 'sys'));
  const tree = readProcessTree(root);
  expect([...tree]).toEqual([
    [1, [10]],
    [10, [11]],
    [11, [13]],
  ]);
  expect(descendants(tree, 10, all)).toEqual([11, 13]);
  expect(descendants(tree, 10, (pid) => pid !== 11)).toEqual([]);
  expect(descendants(tree, 99, all)).toEqual([]);
});

test.runIf(process.platform === 'linux')('a child of this process is below it', () => {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  expect(descendants(readProcessTree(), process.pid, all)).toContain(child.pid);
});
