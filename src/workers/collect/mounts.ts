/**
 * Mounts from /proc/self/mountinfo (proc_pid_mountinfo(5)): parsing, which of them to report, which may hang. Pure.
 * Names are kept as bytes, one character a byte (latin1), since a mount point need not be UTF-8.
 */
import { isPseudo, mayHang } from './file-systems.ts';

export interface Mount {
  /** The bytes of the mount point, one character each. */
  rawPoint: string;
  /** The same, to show: what is not UTF-8 becomes U+FFFD. */
  mountpoint: string;
  /** `major:minor`; major 0 is no block device. */
  dev: string;
  /** Source, as mounted (`/dev/sda1`, `host:/export`). */
  device: string;
  fstype: string;
  /** Which part of the device it is: btrfs subvolumes are different places on one. */
  volume: string;
  /** Whether a question about it, or the way to it, may never come back. */
  mayHang: boolean;
}

export interface ChosenMounts {
  mounts: Mount[];
  /** Configured mount points that are not mounted, or only to be mounted on access. */
  missing: string[];
}

/** `\040` and the like: each escape is one byte. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function shownName(raw: string): string {
  return Buffer.from(raw, 'latin1').toString('utf8');
}

function parseLine(line: string): Mount | null {
  const fields = line.split(' ');
  const dash = fields.indexOf('-', 6); // optional fields end there
  const [dev, point, fstype, source] = [fields[2], fields[4], fields[dash + 1], fields[dash + 2]];
  if (dash < 0 || !dev || !point || !fstype || source === undefined) return null;
  const rawPoint = unescapeOctal(point);
  const subvolume = /(?:^|,)subvol=([^,]*)/.exec(fields[dash + 3] ?? '')?.[1] ?? '';
  return {
    rawPoint,
    mountpoint: shownName(rawPoint),
    dev,
    device: shownName(unescapeOctal(source)),
    fstype,
    volume: fstype === 'btrfs' ? subvolume : '',
    mayHang: mayHang(fstype),
  };
}

/** Whether `path` lies below `folder`, both absolute. */
function isBelow(path: string, folder: string): boolean {
  return path !== folder && path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

/**
 * The mounts that can be seen, each once: of several on one mount point the last hides the others. A mount that is
 * local itself may hang all the same: where the way to it leads through one that does, or through an automount point.
 */
export function parseMountinfo(text: string): Mount[] {
  const parsed = text.split('\n').flatMap((line) => parseLine(line) ?? []);
  const visible = [...new Map(parsed.map((mount) => [mount.rawPoint, mount])).values()];
  const risky = new Set(parsed.filter((mount) => mount.mayHang).map((mount) => mount.rawPoint));
  const onTheWay = (point: string): boolean => risky.has(point) || [...risky].some((folder) => isBelow(point, folder));
  return visible.map((mount) => ({ ...mount, mayHang: onTheWay(mount.rawPoint) }));
}

/** Files that container runtimes mount one by one. They would stand for the whole device that they come from. */
const CONTAINER_FILES = new Set(['/etc/hosts', '/etc/hostname', '/etc/resolv.conf', '/dev/termination-log']);

function isStorage(mount: Mount): boolean {
  if (CONTAINER_FILES.has(mount.mountpoint)) return false;
  // the root of a container is an overlay, that of a live system a tmpfs: it is storage to those who live there
  return !isPseudo(mount.fstype) || (mount.mountpoint === '/' && mount.fstype !== 'rootfs');
}

/** A device mounted several times (bind mounts) counts once, at its shortest mount point, the first of equals. */
function withoutDuplicates(mounts: Mount[]): Mount[] {
  const kept = new Map<string, Mount>();
  for (const mount of mounts) {
    const place = `${mount.dev} ${mount.volume}`;
    const other = kept.get(place);
    if (!other || mount.rawPoint.length < other.rawPoint.length) kept.set(place, mount);
  }
  return mounts.filter((mount) => kept.get(`${mount.dev} ${mount.volume}`) === mount);
}

/** The mounts to report. Named ones are taken as they are, whatever their type; autofs is never touched. */
export function chooseMounts(mounts: Mount[], named: string[]): ChosenMounts {
  const usable = mounts.filter((mount) => mount.fstype !== 'autofs');
  if (named.length === 0) return { mounts: withoutDuplicates(usable.filter(isStorage)), missing: [] };
  return {
    mounts: usable.filter((mount) => named.includes(mount.mountpoint)),
    missing: named.filter((point) => !usable.some((mount) => mount.mountpoint === point)),
  };
}
