/** What is known about file system types: which are no storage, and which answer at once. Pure. */

/** Kernel interfaces, memory and read-only images: left out unless a mount point is named in the configuration. */
const PSEUDO = new Set(
  `autofs binder binfmt_misc bpf cgroup cgroup2 configfs cpuset debugfs devfs devpts devtmpfs efivarfs erofs fusectl
  hugetlbfs iso9660 mqueue nsfs nfsd overlay pipefs proc pstore ramfs resctrl rootfs rpc_pipefs securityfs selinuxfs
  smackfs sockfs squashfs sysfs tmpfs tracefs udf usbfs xenfs fuse.gvfsd-fuse fuse.lxcfs fuse.portal fuse.snapfuse`.split(
    /\s+/,
  ),
);

/** Answered by the kernel from a device or from memory. What is not listed here (NFS, CIFS, FUSE, 9p …) may hang. */
const LOCAL = new Set(
  `adfs affs apfs bcachefs befs btrfs cramfs devtmpfs erofs exfat ext2 ext3 ext4 f2fs hfs hfsplus iso9660 jffs2 jfs
  minix msdos nilfs2 ntfs ntfs3 overlay ramfs reiserfs rootfs squashfs tmpfs ubifs udf ufs vfat xfs zfs zonefs`.split(
    /\s+/,
  ),
);

export function isPseudo(fstype: string): boolean {
  return PSEUDO.has(fstype);
}

/** Whether a question about such a file system may never be answered. Unknown types are taken to be of that kind. */
export function mayHang(fstype: string): boolean {
  if (fstype === 'autofs' || fstype.startsWith('fuse.')) return true;
  return !LOCAL.has(fstype) && !PSEUDO.has(fstype);
}
