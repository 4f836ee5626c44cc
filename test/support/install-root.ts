/** A folder that a release is installed into, as into an image, and the releases for it. */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder, testFolder } from './temp-folder.ts';

const PACKAGE = fileURLToPath(new URL('../../scripts/package.mjs', import.meta.url));

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

function must(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw error ?? new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

interface Start {
  env?: Record<string, string>;
  /** What starts the shell: `['setsid']`. */
  shell?: readonly string[];
}

/** Runs a script of the release; the event loop turns meanwhile. Nothing is on its standard input. */
export function runScript(script: string, args: readonly string[], { env = {}, shell = [] }: Start = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const whole = [...shell, '/bin/sh', script, ...args];
    const options = { env: { ...process.env, ...env }, maxBuffer: 16 * 1024 * 1024 };
    const child = execFile(whole[0] ?? '', whole.slice(1), options, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
    child.stdin?.end();
  });
}

/** Private key at the path, and its public one beside it as `.pub`, made by openssl. */
export function makeKeyPair(
  key: string,
  how: readonly string[] = ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
): string {
  must('openssl', ['genpkey', '-algorithm', ...how, '-out', key]);
  must('openssl', ['pkey', '-in', key, '-pubout', '-out', `${key}.pub`]);
  return key;
}

/** Releases of this daemon for this machine, signed. */
export class SignedReleases {
  readonly folder: string;
  readonly key: string;
  readonly remove: () => Promise<void>;

  private constructor(folder: string, remove: () => Promise<void>) {
    this.folder = folder;
    this.key = makeKeyPair(join(folder, 'key'));
    this.remove = remove;
  }

  static async make(): Promise<SignedReleases> {
    const { path, remove } = await temporaryFolder('releases');
    return new SignedReleases(path, remove);
  }

  /** With archives of 1.0.0 and 1.1.0. */
  static async two(): Promise<{ releases: SignedReleases; first: string; second: string }> {
    const releases = await SignedReleases.make();
    return { releases, first: releases.build('1.0.0'), second: releases.build('1.1.0') };
  }

  get publicKey(): string {
    return `${this.key}.pub`;
  }

  /** In one piece, as it lies beside the archives. */
  get installer(): string {
    return join(this.folder, 'install.sh');
  }

  /** Path of the archive. `node`: with the Node that a release ships with, 43 MB of archive. */
  build(version: string, { node = false }: { node?: boolean } = {}): string {
    const args = ['--version', version, '--arch', process.arch, ...(node ? [] : ['--without-node'])];
    return must(process.execPath, [PACKAGE, ...args, '--sign-key', this.key, '--out', this.folder]).trim();
  }

  /** Without a question, with the key of these releases and the group of `image()` unless others are named. */
  install(root: string, archive: string, { key = this.publicKey, args = [], ...how }: Installation = {}): Promise<Ran> {
    const named = ['--key', key, '--group', GROUP];
    return runScript(this.installer, ['--yes', '--root', root, ...named, ...args, archive], how);
  }

  /** A copy in the folder with other bytes, another manifest, signed with the key, or any of these. */
  change(
    archive: string,
    folder: string,
    { bytes, manifest = {}, key = this.key, sign = ['dgst', '-sha256', '-sign'] }: Change = {},
  ): string {
    mkdirSync(folder, { recursive: true });
    const path = join(folder, basename(archive));
    copyFileSync(archive, path);
    if (bytes) writeFileSync(path, bytes(readFileSync(archive)));
    const content = readFileSync(path);
    const facts = { size: content.length, sha256: createHash('sha256').update(content).digest('hex'), ...manifest };
    const says = { ...JSON.parse(readFileSync(`${archive}.manifest.json`, 'utf8')), ...facts };
    const file = `${path}.manifest.json`;
    writeFileSync(file, `${JSON.stringify(says, null, 2)}\n`);
    const how =
      sign[0] === 'pkeyutl' ? ['-inkey', key, '-in', file, '-out', `${file}.sig`] : [key, '-out', `${file}.sig`, file];
    must('openssl', [...sign, ...how]);
    return path;
  }
}

interface Installation extends Start {
  key?: string;
  args?: readonly string[];
}

export interface Change {
  bytes?: (content: Buffer) => Buffer;
  manifest?: Record<string, unknown>;
  key?: string;
  /** Arguments of openssl that come first. */
  sign?: readonly string[];
}

/** Name and id of a group in an image that `image()` makes. */
export const GROUP = 'operators';
export const GROUP_ID = 4711;

/** Inside a test: a folder that looks like the root of a small Linux, with a group that Debian brings. */
export async function image(): Promise<string> {
  const root = join(await testFolder('image'), 'root');
  for (const folder of ['etc', 'opt', 'usr/local/bin', 'var/lib', 'var/log']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  writeFileSync(join(root, 'etc/group'), `root:x:0:\ndaemon:x:1:joe\n${GROUP}:x:${GROUP_ID}:\n`);
  return root;
}

/** Path below the folder → what is there, times left out: what a run that changed nothing leaves the same. */
export function treeOf(folder: string): Record<string, string> {
  const tree: Record<string, string> = {};
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(folder, name);
    const stat = lstatSync(path);
    const mode = `${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid}`;
    if (stat.isSymbolicLink()) tree[name] = `→ ${readlinkSync(path)}`;
    else if (stat.isDirectory()) tree[name] = `folder ${mode}`;
    else if (!stat.isFile()) tree[name] = `other ${mode}`;
    else tree[name] = `file ${mode} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
  }
  return tree;
}
