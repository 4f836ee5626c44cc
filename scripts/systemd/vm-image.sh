#!/bin/bash
# A small Debian with systemd as process 1, as a disk that vm-run.sh boots: for test/systemd. Needs root, mmdebstrap,
# mke2fs, cpio, xz and zstd; packages come from the Debian archive that this host's apt is set up with.
#   vm-image.sh SUITE NODE FOLDER
# SUITE: trixie, bookworm. NODE: the Node binary that becomes /opt/node/bin/node. FOLDER gets root.img, vmlinuz and
# initrd.img, whole or not at all.
# shellcheck disable=SC2016 # what stands in single quotes is for other programs
set -euo pipefail
if [ $# != 3 ]; then
  echo 'usage: vm-image.sh SUITE NODE FOLDER' >&2
  exit 2
fi
suite=$1 node=$2 folder=$3
mirror=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
  awk -F'|' '$1 == "Debian" && $2 == "Debian" { print $3; exit }')
if [ -z "$mirror" ]; then
  echo "apt knows no archive of Debian: run apt-get update" >&2
  exit 1
fi
mkdir -p "$(dirname "$folder")"
export work
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root out=$work/out
mkdir "$out" "$work/packages"

# kernel and busybox are unpacked and not installed: no boot loader, no maker of initial disks
packages=systemd-sysv,udev,dbus,dbus-user-session,libpam-systemd,kmod,procps,util-linux,passwd,openssl,ca-certificates
mmdebstrap --mode=root --variant=apt --format=directory --quiet --aptopt='Apt::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --include="$packages" --customize-hook='
    set -e
    export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
    cd "$work/packages"
    kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n "s/.*Depends: \(linux-image-[0-9][^ ]*\)$/\1/p" | head -n 1)
    apt-get download --quiet "$kernel" busybox-static
    for package in linux-*.deb; do dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work" --one-top-level=kernel; done
    for package in busybox*.deb; do dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work" --one-top-level=busybox; done
  ' "$suite" "$root" "$mirror"

image=$(echo "$work"/kernel/boot/vmlinuz-*)
version=${image##*/vmlinuz-}
cp "$image" "$out/vmlinuz"
modules=$work/kernel/lib/modules
[ -d "$modules" ] || modules=$work/kernel/usr/lib/modules
mkdir -p "$root/usr/lib/modules"
cp -a "$modules/$version" "$root/usr/lib/modules/"
chroot "$root" depmod "$version"

# the initial disk: busybox, and what the root disk needs to be seen, in the order of loading
initial=$work/initial
mkdir -p "$initial"/{bin,proc,sys,dev,new,modules}
busybox=$(find "$work/busybox" -path '*bin/busybox' -type f)
cp "$busybox" "$initial/bin/busybox"
ln -s busybox "$initial/bin/sh"
number=10
for module in virtio_pci virtio_blk virtio_console ext4; do
  chroot "$root" modprobe --set-version "$version" --show-depends "$module" || true
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
  target=$initial/modules/$number.ko
  case $file in
  *.xz) xz --decompress --stdout "$root$file" >"$target" ;;
  *.zst) zstd --quiet --decompress --stdout "$root$file" >"$target" ;;
  *) cp "$root$file" "$target" ;;
  esac
  number=$((number + 1))
done
cat >"$initial/init" <<'INIT'
#!/bin/sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
for module in /modules/*.ko; do $b insmod "$module" || echo "cannot load $module"; done
tries=300
while [ ! -b /dev/vda ] && [ $tries -gt 0 ]; do
  $b usleep 100000
  tries=$((tries - 1))
done
$b mount -t ext4 /dev/vda /new || { echo 'there is no root disk'; $b poweroff -f; }
$b umount /proc
$b umount /sys
$b mount -o move /dev /new/dev
exec $b switch_root /new /lib/systemd/systemd
INIT
chmod 755 "$initial/init"
(cd "$initial" && find . | cpio --create --format=newc --quiet | gzip -1) >"$out/initrd.img"

echo machine >"$root/etc/hostname"
echo '127.0.0.1 localhost machine' >"$root/etc/hosts"
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id" # not a first boot
mkdir -p "$root/vm-test/in" "$root/vm-test/out" "$root/etc/systemd/system/multi-user.target.wants"
printf '%s\n' '/dev/vda / ext4 rw,relatime 0 0' \
  '/dev/vdb /vm-test/in ext4 ro,nofail,x-systemd.device-timeout=60 0 0' >"$root/etc/fstab"
ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
# nothing that a test has no use for, and that software emulation would be slow at
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer systemd-timesyncd.service systemd-networkd.service systemd-networkd-wait-online.service \
  systemd-resolved.service systemd-binfmt.service systemd-hwdb-update.service systemd-pstore.service \
  getty@tty1.service getty-static.service serial-getty@ttyS0.service serial-getty@hvc0.service console-getty.service \
  systemd-vconsole-setup.service sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount \
  modprobe@drm.service modprobe@configfs.service modprobe@efi_pstore.service modprobe@fuse.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
install -m 755 "$(dirname "$0")/vm-guest.sh" "$root/usr/local/sbin/vm-guest"
cat >"$root/etc/systemd/system/vm-guest.service" <<'UNIT'
[Unit]
Description=The test on the second disk
After=multi-user.target
[Service]
ExecStart=/usr/local/sbin/vm-guest
KillMode=process
OOMPolicy=continue
UNIT
ln -sf ../vm-guest.service "$root/etc/systemd/system/multi-user.target.wants/vm-guest.service"
install -D -m 755 "$node" "$root/opt/node/bin/node"

rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{man,doc,locale}/*
touch -r "$root/usr" "$root/etc/.updated" "$root/var/.updated" # not a first boot after an update of /usr
mke2fs -q -F -t ext4 -L root -E lazy_itable_init=0 -O ^metadata_csum -m 0 -d "$root" "$out/root.img" 3G >/dev/null
rm -rf "$folder"
mv "$out" "$folder"
echo "$suite: Linux $version, systemd $(chroot "$root" dpkg-query -W -f '${Version}' systemd)"
