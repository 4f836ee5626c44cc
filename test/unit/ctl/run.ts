/** daemonctl as a process of its own, built from the sources as they are. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { temporaryFolder } from '../../support/temp-folder.ts';
import { bundle } from './bundle.ts';

export interface Run {
  code: number | null;
  out: string;
  err: string;
}

export interface BuiltProgram {
  path: string;
  run(args: readonly string[], options?: { env?: Record<string, string>; cwd?: string }): Promise<Run>;
  remove(): Promise<void>;
}

const LONGEST_MS = 20_000;

export async function buildProgram(): Promise<BuiltProgram> {
  const folder = await temporaryFolder('daemonctl');
  const path = bundle(folder.path, 'daemonctl', "import './src/ctl/bin.ts';");
  return {
    path,
    run: (args, { env = {}, cwd = folder.path } = {}) =>
      new Promise((resolve) => {
        const options = { env: { ...process.env, ...env }, cwd, timeout: LONGEST_MS, maxBuffer: 64 * 1024 * 1024 };
        const child = execFile(process.execPath, [path, ...args], options, (_, out, err) => {
          resolve({ code: child.exitCode, out, err });
        });
      }),
    remove: () => folder.remove(),
  };
}

export function socketIn(folder: string): string {
  return join(folder, 'control.sock');
}
