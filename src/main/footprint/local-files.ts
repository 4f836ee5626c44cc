/**
 * Whether files can be read again at any moment: pages of them are given back only then, since one that is touched
 * again and does not come holds up everything. From /proc/self/mountinfo (proc_pid_mountinfo(5)), not by statfs(2),
 * which hangs where the file system does. Pure. What cannot be told counts as unreliable.
 */

/**
 * What systems are installed on: read by the kernel from a disk of this host, or from memory. Not vfat, exfat and ntfs
 * (media that are taken out), not those of several hosts (GFS2, OCFS2), and nothing that a program or another host
 * answers for: FUSE, virtiofs, 9p, NFS, SMB, Ceph, Lustre, AFS, Coda, OrangeFS. A disk that is itself a network's is
 * not looked through: it is the disk of the whole system.
 */
const LOCAL = new Set('ext2 ext3 ext4 xfs btrfs bcachefs f2fs zfs tmpfs squashfs erofs'.split(' '));

/** An image of erofs whose parts are fetched when they are read. */
const ON_DEMAND = /(?:^|,)(?:fsid|domain_id)=/;

/**
 * Where Docker, containerd, Podman and CRI-O keep the layers of their containers. In a container these are paths of
 * the host, which cannot be looked up. They are taken to be local: the writable layer lies in the same place, and the
 * kernel takes none that is on NFS or FUSE. Other places are those of layers that are fetched as they are read (stargz,
 * SOCI, Nydus), or of a shared store.
 */
const STORES = [/\/overlay2\//, /\/io\.containerd\.snapshotter\.v1\.overlayfs\//, /\/containers\/storage\/overlay\//];
/** Docker and Podman name layers below their place alone where all of them would not fit. */
const BELOW_STORE = /^(?:l\/[A-Z0-9]{26}|[0-9a-z]+(?:-init)?\/diff)$/;

interface Mount {
  point: string;
  type: string;
  /** Of the file system, as they are written there. */
  options: string;
}

/** `\040` and the like: each is one byte. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function parseLine(line: string): Mount | null {
  const fields = line.split(' ');
  const dash = fields.indexOf('-', 6); // optional fields end there
  const [point, type, options] = [fields[4], fields[dash + 1], fields[dash + 3]];
  if (dash < 0 || !point || !type || options === undefined) return null;
  return { point: unescapeOctal(point), type, options };
}

/** Of several at the same place the last one lies on top. */
function mountOf(path: string, mounts: readonly Mount[]): Mount | null {
  return mounts.reduce<Mount | null>((best, mount) => {
    const holds = path === mount.point || path.startsWith(mount.point === '/' ? '/' : `${mount.point}/`);
    return holds && mount.point.length >= (best?.point.length ?? 0) ? mount : best;
  }, null);
}

/** The folders that an overlay is put together from. */
function layersOf(options: string): string[] {
  return options.split(',').flatMap((option) => {
    const [, name = '', value = ''] = /^(lowerdir\+?|datadir\+|upperdir)=(.*)$/.exec(option) ?? [];
    const paths = unescapeOctal(value);
    const each = name === 'lowerdir' ? paths.split(/(?<!\\):+/) : [paths];
    return each.filter(Boolean).map((path) => path.replaceAll('\\:', ':'));
  });
}

/** Why the file cannot be relied on; empty where it can. */
function doubt(path: string, mounts: readonly Mount[]): string {
  const mount = mountOf(path, mounts);
  if (!mount) return 'an unknown file system';
  if (mount.type === 'overlay') return doubtOfLayers(mount, mounts);
  if (!LOCAL.has(mount.type)) return mount.type;
  return mount.type === 'erofs' && ON_DEMAND.test(mount.options) ? 'erofs that is fetched on demand' : '';
}

function doubtOfLayers(overlay: Mount, mounts: readonly Mount[]): string {
  const others = mounts.filter((mount) => mount !== overlay); // it does not lie on itself
  const layers = layersOf(overlay.options);
  const isStored = (layer: string): boolean => STORES.some((store) => store.test(layer));
  const named = layers.some(isStored);
  const doubts = layers.map((layer) => {
    if (!layer.startsWith('/')) return named || BELOW_STORE.test(layer) ? '' : 'what is not known';
    if (mountOf(layer, others)) return doubt(layer, others);
    return isStored(layer) ? '' : 'what is not seen here';
  });
  if (layers.length === 0) return 'an overlay of unknown layers';
  const at = doubts.findIndex(Boolean);
  return at < 0 ? '' : `an overlay, of which ${layers[at]} is on ${doubts[at]}`;
}

/** Paths as /proc/self/maps has them. Gives which of them may not come back, and what it is on; empty: all do. */
export function unreliableFile(paths: Iterable<string>, mountinfo: string): string {
  const mounts = mountinfo.split('\n').flatMap((line) => parseLine(line) ?? []);
  for (const path of paths) {
    const on = doubt(path, mounts);
    if (on) return `${path} is on ${on}`;
  }
  return '';
}
