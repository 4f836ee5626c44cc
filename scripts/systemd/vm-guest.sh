#!/bin/bash
# In the machine: runs test.sh of the second disk as root, with what it prints on the machine's port, and powers off.
# $VM_BOOT counts the boots of the disk. After `touch /run/vm-reboot` and its end, or after a crash, test.sh runs again.
name=$(grep --line-regexp --files-with-matches vm-test /sys/class/virtio-ports/*/name | head -n 1)
port=${name%/name}
exec </dev/null >"/dev/${port##*/}" 2>&1
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd /vm-test || exit
VM_BOOT=$(($(cat boots 2>/dev/null || echo 0) + 1))
echo "$VM_BOOT" >boots
sync boots
export VM_BOOT
status=71
if [ "$VM_BOOT" -gt 20 ]; then
  echo 'the machine has booted more than 20 times'
elif ! mountpoint --quiet in; then
  echo 'the disk with the test is not there'
else
  cd in && bash ./test.sh
  status=$?
fi
if [ -e /run/vm-reboot ]; then
  systemctl reboot
  exit
fi
printf '%-16s' "$status" >/dev/vdc
sync /dev/vdc
systemctl poweroff
