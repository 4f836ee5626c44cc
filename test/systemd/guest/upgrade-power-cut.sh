# What happens in the machine: a signed release, Node included, is upgraded by update.sh, and the power goes in the
# middle of it: where a helper watches and nothing is decided yet, right before `current` is switched, and while the new
# version proves itself. At the first two the helper is made to stop, so that it is exactly there.
# shellcheck shell=bash disable=SC2317 source-path=SCRIPTDIR source=installed.sh
. /vm-test/in/installed.sh
abandoned='1.0.0 to 1.1.0: failed: D4003 the daemon or the hand-over helper ended before the switch'
at() { grep -q "\"step\": \"$1\"" "$journal"; }
runs() { [ "$(node_of "$(main)")" = "$root/releases/$1/bin/node" ]; }
proves() { at proving && runs "$1" && systemctl is-active -q daemon; }
helper() { prop "$(systemctl list-units --no-legend --plain 'daemon-update-*' | cut -d ' ' -f 1)" MainPID; }
clean() {
  [ -z "$(find "$state/updates" "$root" -mindepth 1 -maxdepth 1 -regextype posix-extended \
    ! -regex '.*/(outcomes\.json|handover\.log|current|releases|installed)')" ]
}
alone() { [ "$(pgrep -f '/lib/(daemon|handover)\.js')" = "$(main)" ]; }
results() { daemonctl updates | sed -n 's/.*  daemon \([0-9].*\)/\1/p' | paste --serial --delimiters ';'; }
# STEP: the helper that systemd starts next stops for good when it has journalled it; forgotten with the boot
halt_at() { systemctl set-environment "DAEMON_HALT_AFTER_STEP=daemon:$1"; }
upgrade() { update "$in/daemon-$1-linux-x64.tar.gz" --no-wait; is "update.sh to $1" "$?" 0; }
# VERSION RESULTS: what the daemon comes to by itself after the cut
comes_to() {
  echo '--- after the power cut'
  ok 'the daemon answers' until_ 240 daemonctl status
  ok 'the update is over' until_ 480 settled
  is 'its results' "$(results)" "$2"
  is 'current' "$(current)" "$1"
  has 'that version answers' "$(daemonctl status)" "Daemon           $1 on machine"
  ok 'by its own Node' runs "$1"
  is 'unit' "$(prop daemon ActiveState)/$(prop daemon SubState)" active/running
  ok 'no helper, and no other daemon, is left' until_ 60 alone
  ok 'nor a unit of one' until_ 20 quiet
  ok 'nor a file' until_ 40 clean
  ok 'agents are back' until_ 60 both
  has 'in a scope' "$(cat "/proc/$(pid_of 100001)/cgroup")" daemon-agent-one-
  ok 'the Manager is reached' until_ 120 connected
}

case $VM_BOOT in
1)
  manager_unit
  systemctl enable -q manager
  echo '--- installed'
  installer $in/daemon-1.0.0-linux-x64.tar.gz >/dev/null; is 'install.sh' "$?" 0
  configure
  sync # the configuration; nothing after this

  echo '--- cut where a helper watches'
  halt_at watching
  upgrade 1.1.0
  ok 'it comes there' until_ 480 at watching
  is 'the helper is run by the Node of the version before' "$(node_of "$(helper)")" $root/releases/1.0.0/bin/node
  is 'current' "$(current)" 1.0.0
  power_cut
  ;;
2)
  comes_to 1.0.0 "$abandoned"
  is 'the new version is not kept' "$(ls $root/releases)" 1.0.0

  echo '--- cut right before the switch'
  halt_at switching
  upgrade 1.1.0
  ok 'it comes there' until_ 480 at switching
  is 'current' "$(current)" 1.0.0
  power_cut
  ;;
3)
  comes_to 1.1.0 "$abandoned;1.0.0 to 1.1.0: done"

  echo '--- cut while the new version proves itself'
  upgrade 1.2.0
  ok 'it comes there, and runs' until_ 480 proves 1.2.0
  is 'current' "$(current)" 1.2.0
  power_cut
  ;;
esac
comes_to 1.2.0 "$abandoned;1.0.0 to 1.1.0: done;1.1.0 to 1.2.0: done"
is 'failed units' "$(systemctl --failed --no-legend)" ''
[ "$fails" = 0 ] || { tail -n 30 $log | cut -c 1-300; cat $state/updates/handover.log; journalctl -q -b -u daemon -o cat | tail -n 30; }
echo 'all checks of the machine were made'
exit "$fails"
