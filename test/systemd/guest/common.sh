# For the tests in the machine: a line a check; `fails` counts those that failed.
# shellcheck shell=bash disable=SC2034
fails=0
in=/vm-test/in
# in no PATH: a release that carries its own Node has no other to find
node=/opt/node/bin/node
is() { if [ "$2" = "$3" ]; then echo "ok   $1: $2"; else echo "FAIL $1: '$2', expected '$3'"; fails=$((fails + 1)); fi; }
has() { case $2 in *"$3"*) echo "ok   $1";; *) echo "FAIL $1: '$2' has no '$3'"; fails=$((fails + 1));; esac; }
# what is expected to succeed, as a command
ok() { what=$1; shift; if "$@" >/dev/null 2>&1; then echo "ok   $what"; else echo "FAIL $what"; fails=$((fails + 1)); fi; }
prop() { systemctl show -P "$2" "$1"; }
# until_ N COMMAND: at most N half seconds
until_() { n=$1; shift; while ! "$@" >/dev/null 2>&1; do n=$((n - 1)); [ "$n" -gt 0 ] || return 1; sleep 0.5; done; }
# the disk keeps what was flushed to it; the same script runs again after the boot
power_cut() {
  echo 'power cut now'
  echo b >/proc/sysrq-trigger
  sleep 60
  echo 'FAIL the power did not go'
  exit 1
}
