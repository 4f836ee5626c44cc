/** An installation that ends in the middle: the host is as it was, or as it is after one, and the next run goes on. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { image, type Ran, SignedReleases, treeOf } from '../support/install-root.ts';
import { testFolder } from '../support/temp-folder.ts';

const LONG_MS = 240_000;
const asRoot = process.getuid?.() === 0;

let releases: SignedReleases;
let first: string;
let second: string;

beforeAll(async () => {
  ({ releases, first, second } = await SignedReleases.two());
}, LONG_MS);
afterAll(() => releases.remove());

type How = Parameters<SignedReleases['install']>[2];
const install = (root: string, archive: string, how: How = {}): Promise<Ran> => releases.install(root, archive, how);

/** What changes something on the disk. */
const TOOLS = ['chmod', 'chown', 'cp', 'ln', 'mkdir', 'mv', 'rm', 'rmdir', 'sync', 'tar'];

/** Programs that count how often they were called, and at one number end the script in place of doing their work. */
class Interruption {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(join(folder, 'bin'));
    for (const tool of TOOLS) {
      const real = spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim();
      const source = `#!/bin/sh
        read -r calls <'${folder}/calls'
        calls=$((calls + 1))
        echo $calls >'${folder}/calls'
        if [ $calls = "$INTERRUPT_AT" ]; then
          read -r script <'${folder}/script'
          case $INTERRUPT_BY in fail) exit 1 ;; *) kill -s "$INTERRUPT_BY" "$script" ;; esac
          exit 1
        fi
        exec ${real} "$@"`;
      writeFileSync(join(folder, 'bin', tool), source);
      chmodSync(join(folder, 'bin', tool), 0o755);
    }
  }

  /** The script's own outcome. `at`: the number of the call, 0 for none of them. */
  run(root: string, archive: string, by: 'KILL' | 'TERM' | 'fail', at: number): Promise<Ran> {
    writeFileSync(join(this.#folder, 'calls'), '0\n');
    const env = {
      PATH: `${join(this.#folder, 'bin')}:${process.env['PATH']}`,
      INTERRUPT_AT: String(at),
      INTERRUPT_BY: by,
      TMPDIR: this.#folder, // what a killed one leaves goes with the test
    };
    return install(root, archive, {
      env,
      shell: ['/bin/sh', '-c', `echo $$ >'${this.#folder}/script'; exec "$@"`, 'sh'],
    });
  }

  get calls(): number {
    return Number(readFileSync(join(this.#folder, 'calls'), 'utf8'));
  }
}

/** Of a root: how it is, and how it becomes. */
async function upgrade(): Promise<{
  from: string;
  before: Record<string, string>;
  after: Record<string, string>;
  calls: number;
  interruption: Interruption;
}> {
  const from = await image();
  expect(await install(from, first)).toMatchObject({ code: 0 });
  writeFileSync(
    join(from, 'etc/daemon/daemon.yaml'),
    `${readFileSync(join(from, 'etc/daemon/daemon.yaml'), 'utf8')}# ours\n`,
  );
  const before = treeOf(from);
  const interruption = new Interruption(await testFolder('interruption'));
  const to = copyOf(from, 'to');
  expect(await interruption.run(to, second, 'KILL', 0)).toMatchObject({ code: 0 });
  return { from, before, after: treeOf(to), calls: interruption.calls, interruption };
}

function copyOf(from: string, name: string): string {
  const root = `${from}-${name}`;
  rmSync(root, { recursive: true, force: true });
  cpSync(from, root, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  for (const [path, what] of Object.entries(treeOf(from))) {
    // cpSync keeps neither owners nor setgid
    const [, mode = '', uid = '', gid = ''] = /^(?:file|folder) (\d+) (\d+):(\d+)/.exec(what) ?? [];
    if (mode === '') continue;
    if (asRoot) spawnSync('chown', [`${uid}:${gid}`, join(root, path)]);
    chmodSync(join(root, path), Number.parseInt(mode, 8));
  }
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

describe('interrupted at one of its calls after another, an upgrade', () => {
  test(
    'that is killed: one whole version is in use, and the next run finds its way',
    async () => {
      const { from, before, after, calls, interruption } = await upgrade();
      let undone = 0;
      let stood = 0;
      for (let at = 1; at <= calls; at += at < calls - 8 ? 2 : 1) {
        const root = copyOf(from, 'killed');
        expect((await interruption.run(root, second, 'KILL', at)).code).toBe(null);
        const current = readlinkSync(join(root, 'opt/daemon/current'));
        const runs = spawnSync(join(root, 'opt/daemon/current/bin/daemon'), ['--version'], { encoding: 'utf8' });
        expect(`releases/${runs.stdout.trim()}`, `after call ${at}`).toBe(current);
        // asked for the version that was there: what the killed run did is undone, unless it had all been done
        const again = await install(root, first);
        if (again.code === 0) {
          expect(treeOf(root), `after call ${at}`).toEqual(before);
          undone++;
        } else {
          expect(again.stderr).toContain('1.0.0 is lower than 1.1.0');
          expect(treeOf(root), `after call ${at}`).toEqual(after);
          stood++;
        }
        expect(await install(root, second)).toMatchObject({ code: 0 });
        expect(treeOf(root), `after call ${at}`).toEqual(after);
      }
      expect(undone).toBeGreaterThan(5);
      expect(stood).toBeGreaterThan(0);
    },
    LONG_MS,
  );

  test.each([
    ['TERM', 1],
    ['fail', 2],
  ] as const)(
    'by %s, at every other one from %i on: everything is as it was before, at once',
    async (by, start) => {
      const { from, before, after, calls, interruption } = await upgrade();
      let undone = 0;
      for (let at = start; at <= calls; at += 2) {
        const root = copyOf(from, 'ended');
        const { code, stderr } = await interruption.run(root, second, by, at);
        const tree = treeOf(root);
        const left = Object.keys(tree).filter((path) => path.includes('.install') || path.endsWith('.former'));
        if (code === 0 || !stderr.includes('everything is as it was')) {
          // too early to have changed anything, or too late: it stands, and the next run clears up
          if (JSON.stringify(tree) !== JSON.stringify(before)) {
            for (const path of left) delete tree[path];
            expect(tree, `after call ${at}`).toEqual(after);
          }
        } else {
          expect(tree, `after call ${at}`).toEqual(before);
          undone++;
        }
      }
      expect(undone).toBeGreaterThan(3);
    },
    LONG_MS,
  );
});

test(
  'a first installation that is killed leaves nothing but what the next run clears up',
  async () => {
    const from = await image();
    const interruption = new Interruption(await testFolder('interruption'));
    expect(await interruption.run(copyOf(from, 'to'), first, 'KILL', 0)).toMatchObject({ code: 0 });
    const { calls } = interruption;
    const after = treeOf(`${from}-to`);
    for (let at = 1; at <= calls; at += 7) {
      const root = copyOf(from, 'killed');
      await interruption.run(root, first, 'KILL', at);
      expect(await install(root, first)).toMatchObject({ code: 0 });
      const { 'opt/daemon/installed': receipt, ...tree } = treeOf(root);
      expect(tree, `after call ${at}`).toEqual({ ...after, 'opt/daemon/installed': undefined });
      expect(receipt).toBeDefined();
    }
  },
  LONG_MS,
);
