#!/bin/bash
# Boots a machine of vm-image.sh in software emulation, runs FOLDER/test.sh in it as root (FOLDER is /vm-test/in there,
# read-only), prints what that prints and ends with its status. What changes on the machine's disk is dropped.
#   vm-run.sh IMAGE SECONDS FOLDER
# Statuses of its own: 70 the machine ended without a result, 71 it did not come to run the test, 124 SECONDS were up.
set -euo pipefail
if [ $# != 3 ] || [ ! -f "$3/test.sh" ]; then
  echo 'usage: vm-run.sh IMAGE SECONDS FOLDER, with FOLDER/test.sh' >&2
  exit 64
fi
image=$1 seconds=$2 folder=$3
work=$(mktemp -d)
machine=
# shellcheck disable=SC2317 # it is called by the trap
finish() {
  [ -z "$machine" ] || kill "$machine" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
files=$(find "$folder" | wc -l)
kib=$(($(du --summarize --apparent-size -k "$folder" | cut -f 1) * 5 / 4 + files * 4 + 16384))
mke2fs -q -F -t ext4 -O ^has_journal,^metadata_csum -m 0 -N $((files + 64)) -d "$folder" "$work/in.img" "${kib}k" >/dev/null
truncate --size=64K "$work/out.img"
# a standard input that comes to its end would disconnect the port, and each write in the machine would block
mkfifo "$work/input"
exec 9<>"$work/input"
status=0
# lsm: what stands there is all that is on; Debian's kernel else comes up with SELinux once AppArmor is off
timeout --foreground --kill-after=5 "$seconds" qemu-system-x86_64 -accel tcg,thread=multi,tb-size=512 -machine q35 \
  -cpu Nehalem -smp 2 -m 2048 -nodefaults -display none -vga none -monitor none \
  -kernel "$image/vmlinuz" -initrd "$image/initrd.img" -append "console=ttyS0 quiet panic=1 psi=1 net.ifnames=0 \
mitigations=off nopti nokaslr init_on_alloc=0 audit=0 lsm=landlock,lockdown,yama,bpf random.trust_cpu=on tsc=reliable \
no_timer_check systemd.show_status=0" \
  -serial "file:$work/console.log" \
  -drive "file=$image/root.img,format=raw,if=none,id=root,snapshot=on,cache=writeback" -device virtio-blk-pci,drive=root \
  -drive "file=$work/in.img,format=raw,if=none,id=in,readonly=on" -device virtio-blk-pci,drive=in \
  -drive "file=$work/out.img,format=raw,if=none,id=out" -device virtio-blk-pci,drive=out \
  -device virtio-serial-pci -chardev stdio,id=port,signal=off -device virtserialport,chardev=port,name=vm-test \
  -object rng-random,filename=/dev/urandom,id=random -device virtio-rng-pci,rng=random <&9 &
machine=$!
wait "$machine" || status=$?
machine=
result=$(head -c 16 "$work/out.img" | tr -d '\0 ')
[ -z "$result" ] || exit "$result"
echo "the machine gave no result; the end of its console:" >&2
tail -n 15 "$work/console.log" >&2
[ "$status" = 124 ] && exit 124
exit 70
