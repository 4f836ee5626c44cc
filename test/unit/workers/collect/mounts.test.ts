import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { chooseMounts, parseMountinfo } from '../../../../src/workers/collect/mounts.ts';
import { FIXTURES } from './support.ts';

function mountsOf(tree: string) {
  return parseMountinfo(readFileSync(`${FIXTURES}/${tree}/self/mountinfo`, 'latin1'));
}

function chosen(tree: string, named: string[] = []): string[] {
  return chooseMounts(mountsOf(tree), named).mounts.map((mount) => mount.mountpoint);
}

describe('parseMountinfo', () => {
  test('escapes are bytes, names may not be UTF-8, a torn line is left out', () => {
    expect(mountsOf('disk-bytes').map(({ mountpoint, rawPoint }) => [mountpoint, rawPoint])).toEqual([
      ['/', '/'],
      ['/mnt/caf\uFFFD', '/mnt/caf\xe9'],
      ['/mnt/grün', '/mnt/gr\xc3\xbcn'],
    ]);
  });

  test('optional fields, source and subvolume', () => {
    const byPoint = new Map(mountsOf('disk-plain/after').map((mount) => [mount.mountpoint, mount]));
    expect(byPoint.get('/usb')).toMatchObject({ dev: '8:33', device: '/dev/sdc1', fstype: 'ext4', volume: '' });
    expect(byPoint.get('/home')).toMatchObject({ dev: '0:40', volume: '/@home', mayHang: false });
    expect(byPoint.get('/mnt/My Disk\tA')).toMatchObject({ dev: '253:0', device: '/dev/mapper/vg-data' });
  });

  test('what may hang: by type, by the way to it, over an automount point', () => {
    const risky = mountsOf('disk-remote').filter((mount) => mount.mayHang);
    expect(risky.map((mount) => mount.mountpoint)).toEqual([
      '/mnt/nfs',
      '/mnt/nfs/local',
      '/mnt/s\\s h',
      '/boot/efi',
      '/mnt/unknown',
    ]);
  });

  test('of two on one mount point the last is seen', () => {
    const old = mountsOf('disk-remote').filter((mount) => mount.mountpoint === '/old');
    expect(old).toMatchObject([{ device: '/dev/sdr1' }]);
  });

  test('all hangs below a root that may', () => {
    const text = '1 0 0:1 / / rw - 9p host rw\n2 1 8:1 / /data rw - ext4 /dev/sda1 rw\n';
    expect(parseMountinfo(text).map((mount) => mount.mayHang)).toEqual([true, true]);
  });

  test.each(['nfs', 'nfs4', 'cifs', 'smb3', 'ceph', 'glusterfs', 'fuse.glusterfs', 'fuse', 'fuseblk', '9p', 'afs'])(
    '%s may hang',
    (fstype) => {
      expect(parseMountinfo(`1 0 0:9 / /x rw - ${fstype} a rw\n`)).toMatchObject([{ mayHang: true }]);
    },
  );
});

describe('chooseMounts', () => {
  test('no kernel interfaces, no images, no second mount of a device', () => {
    expect(chosen('disk-plain/after')).toEqual(['/', '/mnt/My Disk\tA', '/raid', '/wrapped', '/home', '/data', '/usb']);
  });

  test('the root of a container stays, the files that are mounted into it do not', () => {
    expect(chosen('disk-container')).toEqual(['/', '/data']);
  });

  test('of several mounts of a device the shortest stays', () => {
    const text = ['/mnt/long', '/b', '/a', '/mnt'].map((point) => `1 0 8:1 / ${point} rw - ext4 /dev/sda1 rw`);
    const { mounts } = chooseMounts(parseMountinfo(text.join('\n')), []);
    expect(mounts.map((mount) => mount.mountpoint)).toEqual(['/b']);
  });

  test('named ones as they are, even duplicates and memory; autofs and what is absent are missing', () => {
    const named = ['/var/www', '/', '/run', '/net', '/gone'];
    const { mounts, missing } = chooseMounts(mountsOf('disk-plain/after'), named);
    expect(mounts.map((mount) => mount.mountpoint)).toEqual(['/', '/run', '/var/www']);
    expect(missing).toEqual(['/net', '/gone']);
  });
});
