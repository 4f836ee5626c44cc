/**
 * The folders of installed versions: `releases/VERSION`, and the symbolic link `current` that names the one in use. The
 * link is replaced by a rename, so that at any moment it names exactly one.
 */
import { readFile, readlink, realpath, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { fsyncFolder, replaceFile } from '../../shared/platform/files.ts';

export interface Installation {
  /** The folder that has `releases` and `current`. */
  root: string;
  /** Name of the running version's folder in `releases`. */
  release: string;
}

const RELEASES = 'releases';
const CURRENT = 'current';

/** Where the daemon that runs from these bundles is installed; null where it does not lie in a releases folder. */
export async function installationOf(bundles: string): Promise<Installation | null> {
  const release = dirname(await realpath(bundles)); // ROOT/releases/VERSION/lib
  const releases = dirname(release);
  if (basename(releases) !== RELEASES) return null;
  return { root: dirname(releases), release: basename(release) };
}

export function releaseFolder(root: string, release: string): string {
  return join(root, RELEASES, release);
}

export function launcherOf(root: string, release: string): string {
  return join(releaseFolder(root, release), 'bin', 'daemon');
}

/** Name of the folder that `current` names; null where there is no such link. */
export async function currentRelease(root: string): Promise<string | null> {
  try {
    return basename(await readlink(join(root, CURRENT)));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOENT' || code === 'EINVAL') return null;
    throw error;
  }
}

/** Settles once the link names the release, on disk too. Safe to repeat. */
export async function switchTo(root: string, release: string): Promise<void> {
  const temporary = join(root, `.${CURRENT}.new`);
  try {
    await rm(temporary, { force: true });
    await symlink(join(RELEASES, release), temporary);
    await rename(temporary, join(root, CURRENT));
    await fsyncFolder(root);
  } catch (cause) {
    throw new DaemonError('D4003', `${join(root, CURRENT)} could not be made to name ${release}`, { cause });
  }
}

/** Starts that a version has until it has proven itself; scripts/launcher.sh counts them, and starts the former one then. */
const TRIAL_STARTS = 10;

function trialFile(root: string): string {
  return join(root, 'trial');
}

/** Before the switch: the launcher of the new release undoes it by itself where nobody is left to. Safe to repeat. */
export async function beginTrial(root: string, release: string, former: string, folder: string): Promise<void> {
  await replaceFile(trialFile(root), `${TRIAL_STARTS} ${release} ${former} ${folder}\n`, 0o644);
}

export async function endTrial(root: string): Promise<void> {
  await rm(trialFile(root), { force: true });
}

/** What a release says of itself in its VERSION file. Throws D4002 (check: archive). */
export async function versionOfRelease(folder: string): Promise<string> {
  try {
    return (await readFile(join(folder, 'VERSION'), 'utf8')).trim();
  } catch (cause) {
    throw new DaemonError(
      'D4002',
      'the package has no VERSION file: it is no release of this daemon (check: archive)',
      {
        cause,
      },
    );
  }
}
