import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { unreliableFile } from '../../../../src/main/footprint/local-files.ts';
import { mappedFiles } from '../../../../src/main/footprint/mappings.ts';

/** A line of mountinfo. */
const mount = (point: string, type: string, options = 'rw', optional = 'shared:1 '): string =>
  `30 1 254:0 / ${point} rw,relatime ${optional}- ${type} source ${options}\n`;
const PROC = mount('/proc', 'proc');
const NODE = '/opt/daemon/bin/node';
const of = (text: string, ...files: string[]): string => unreliableFile(files.length > 0 ? files : [NODE], text);

describe('a file that can be read again at any moment', () => {
  test.each('ext2 ext3 ext4 xfs btrfs bcachefs f2fs zfs tmpfs squashfs erofs'.split(' '))('on %s', (type) => {
    expect(of(PROC + mount('/', type))).toBe('');
  });

  test.each([
    ['without optional fields', mount('/', 'ext4', 'rw', '')],
    ['with several', mount('/', 'ext4', 'rw', 'shared:1 master:2 propagate_from:3 ')],
    ['below another place that is none', mount('/', 'nfs4') + mount('/opt', 'xfs')],
    ['beside one that only begins alike', mount('/', 'ext4') + mount('/opt/daemon/bi', 'nfs4') + mount('/o', 'nfs')],
    ['on top of one that is none, at the same place', mount('/opt', 'nfs') + mount('/opt', 'ext4')],
    ['a mount of its own', mount('/', 'nfs') + mount(NODE, 'ext4')],
    ['a line that is none, and a torn last one', `${mount('/', 'ext4')}what is this\n36 35 98:0 / /opt`],
  ])('%s', (_, text) => {
    expect(of(text)).toBe('');
  });

  test('with odd letters in its path, as mountinfo writes them', () => {
    const file = '/opt/a b\t\\c/\xc3\xa9/node';
    const text = mount('/', 'nfs') + mount('/opt/a\\040b\\011\\134c/\xc3\xa9', 'ext4');
    expect(of(text, file)).toBe('');
    expect(of(text, '/opt/a b/node')).toBe('/opt/a b/node is on nfs');
  });

  test.runIf(process.platform === 'linux')('of this process: whatever it is on is told in one line', () => {
    const files = mappedFiles(readFileSync('/proc/self/maps'));
    expect(files).toContain(process.execPath);
    expect(unreliableFile(files, readFileSync('/proc/self/mountinfo', 'latin1'))).toMatch(/^$|^\/.* is on .+$/);
  });
});

describe('a file that may not come back', () => {
  const types = `nfs nfs4 cifs smb3 9p ceph afs lustre gfs2 ocfs2 orangefs pvfs2 coda fuse.sshfs fuseblk fuse.fuse-overlayfs virtiofs
    vboxsf vmhgfs beegfs gpfs glusterfs autofs vfat exfat ntfs3 ecryptfs aufs rootfs whatever`;
  test.each(types.split(/\s+/))('on %s', (type) => {
    expect(of(mount('/', 'ext4') + mount('/opt', type))).toBe(`${NODE} is on ${type}`);
  });

  test('any of them, though the program itself is on a disk', () => {
    const text = mount('/', 'ext4') + mount('/usr/lib', 'nfs4');
    expect(of(text, NODE, '/usr/lib/libc.so.6', '/usr/lib/libm.so.6')).toBe('/usr/lib/libc.so.6 is on nfs4');
    expect(of(text, NODE, '/usr/lib64/libc.so.6')).toBe('');
  });

  test.each([
    ['nothing', ''],
    ['nothing that is over it', mount('/opt/daemon/lib', 'ext4')],
    ['another form', '30 1 254:0 / / rw,relatime ext4 source rw\n'],
  ])('where mountinfo says %s', (_, text) => {
    expect(of(text)).toBe(`${NODE} is on an unknown file system`);
  });

  test.each(['fsid=image', 'ro,fsid=image,domain_id=x', 'ro,domain_id=x'])('on erofs with %s', (options) => {
    expect(of(mount('/', 'erofs', options))).toBe(`${NODE} is on erofs that is fetched on demand`);
  });
});

describe('on an overlay whose layers are seen', () => {
  const DISKS = mount('/', 'ext4') + mount('/media/share', 'nfs4') + mount('/media/usb\\040stick', 'xfs');
  const over = (options: string, point = '/opt'): string => of(DISKS + mount(point, 'overlay', `rw,${options}`));

  test.each([
    ['all on disks', 'lowerdir=/media/usb\\040stick/a:/srv/b,upperdir=/srv/c,workdir=/srv/w'],
    ['the lower one alone', 'lowerdir=/srv/a'],
    ['as later kernels write it', 'lowerdir+=/srv/a,lowerdir+=/srv/b,datadir+=/srv/c,upperdir=/srv/d'],
    ['with data of their own', 'lowerdir=/srv/a::/srv/b,redirect_dir=on'],
    ['whose names have colons and commas', 'lowerdir=/srv/a\\134:/media/share:/srv/b\\054/media/share'],
    ['which is what lies below the place itself', 'lowerdir=/srv/a:/opt'],
  ])('%s', (_, options) => {
    expect(over(options)).toBe('');
  });

  test.each([
    ['a lower one', 'lowerdir=/srv/a:/media/share/b,upperdir=/srv/c', '/media/share/b is on nfs4'],
    [
      'a lower one, as later kernels write it',
      'lowerdir+=/srv/a,lowerdir+=/media/share/b',
      '/media/share/b is on nfs4',
    ],
    ['data', 'lowerdir=/srv/a::/media/share/b', '/media/share/b is on nfs4'],
    ['the upper one', 'lowerdir=/srv/a,upperdir=/media/share/c', '/media/share/c is on nfs4'],
  ])('%s is elsewhere', (_, options, reason) => {
    expect(over(options)).toBe(`${NODE} is on an overlay, of which ${reason}`);
  });

  test('none is named, or no option at all', () => {
    expect(over('workdir=/srv/w')).toBe(`${NODE} is on an overlay of unknown layers`);
    expect(over('lowerdir=')).toBe(`${NODE} is on an overlay of unknown layers`);
  });

  test('one is an overlay itself', () => {
    const inner = (lower: string): string =>
      of(`${DISKS + mount('/srv', 'overlay', `lowerdir=${lower}`)}${mount('/opt', 'overlay', 'lowerdir=/srv/a')}`);
    expect(inner('/var/a')).toBe('');
    expect(inner('/media/share/b')).toContain('of which /srv/a is on an overlay, of which /media/share/b is on nfs4');
  });

  test('of two that name each other neither is known', () => {
    const text = mount('/a', 'overlay', 'lowerdir=/opt/x') + mount('/opt', 'overlay', 'lowerdir=/a/x');
    expect(of(text)).toContain('is on what is not seen here');
  });
});

describe('in a container, where its layers are paths of the host', () => {
  const ID = '1788c5b2eb9e9c043c6724165957edfa39599e9a314bd00c4d9deb6d058f2276';
  const [L, M] = ['l/ZYCUXWQ2DAAJWEPJDKLO2JXP66', 'l/XYIUP7CXNA67TCTVYSDXIXLC2O'];
  const inside = (options: string): string =>
    of(`${mount('/', 'overlay', `rw,${options}`, 'master:9 ')}${PROC}${mount('/etc/hosts', 'ext4')}`);
  const overlay2 = (root: string): string =>
    `lowerdir=${root}/${L}:${root}/${M},upperdir=${root}/${ID}/diff,workdir=${root}/${ID}/work,nouserxattr`;
  const snapshots = (store: string): string =>
    `lowerdir=${store}/6/fs:${store}/5/fs,upperdir=${store}/7/fs,workdir=${store}/7/work,uuid=on`;
  const CONTAINERD = '/io.containerd.snapshotter.v1.overlayfs/snapshots';

  test.each([
    ['Docker', overlay2('/var/lib/docker/overlay2')],
    ['Docker elsewhere', overlay2('/data/docker/overlay2')],
    ['Docker without root', overlay2('/home/me/.local/share/docker/overlay2')],
    ['Docker with very many layers', `lowerdir=${L}:${M},upperdir=${ID}/diff,workdir=${ID}/work`],
    ['Docker while an image is made', `lowerdir=${L},upperdir=k3m0r6o1f5b8w2q9x7z4c1v0n/diff,workdir=x/work`],
    ['containerd', snapshots(`/var/lib/containerd${CONTAINERD}`)],
    ['k3s', snapshots(`/var/lib/rancher/k3s/agent/containerd${CONTAINERD}`)],
    ['containerd with many layers', `lowerdir=6/fs:5/fs,upperdir=/var/lib/containerd${CONTAINERD}/7/fs,workdir=w`],
    ['Podman and CRI-O', overlay2('/var/lib/containers/storage/overlay')],
    ['Podman without root', overlay2('/home/me/.local/share/containers/storage/overlay')],
  ])('%s', (_, options) => {
    expect(inside(options)).toBe('');
  });

  test.each([
    ['fetched as they are read', snapshots('/var/lib/containerd-stargz-grpc/snapshotter/snapshots')],
    ['of SOCI', snapshots('/var/lib/soci-snapshotter-grpc/snapshotter/snapshots')],
    ['of Nydus', snapshots('/var/lib/containerd/io.containerd.snapshotter.v1.nydus/snapshots')],
    ['of an unknown kind', overlay2('/srv/layers')],
  ])('%s: not known', (_, options) => {
    expect(inside(options)).toContain('is on what is not seen here');
  });

  test('one of a shared store among those of the host: not known', () => {
    const root = '/var/lib/containers/storage/overlay';
    const options = `lowerdir=${root}/${L}:/mnt/images/overlay/${M},upperdir=${root}/${ID}/diff`;
    expect(inside(options)).toContain(`of which /mnt/images/overlay/${M} is on what is not seen here`);
  });

  test('relative ones of an unknown place: not known', () => {
    expect(inside('lowerdir=6/fs:5/fs,upperdir=7/fs')).toContain('of which 6/fs is on what is not known');
  });

  test('what the program is in is a volume of its own', () => {
    const image = mount('/', 'overlay', overlay2('/srv/layers'));
    expect(of(image + mount('/opt', 'ext4'))).toBe('');
    expect(of(mount('/', 'overlay', overlay2('/var/lib/docker/overlay2')) + mount('/opt', 'fuse.s3fs'))).toBe(
      `${NODE} is on fuse.s3fs`,
    );
  });
});
