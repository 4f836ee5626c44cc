# What happens in the machine: the daemon as its unit makes it a service, with four agents.
# shellcheck shell=bash disable=SC2016,SC2317 source-path=SCRIPTDIR source=common.sh
. /vm-test/in/common.sh
root=/opt/daemon
log=/var/log/daemon/daemon.log
ctl() { DAEMON_NODE=$node "$root/current/bin/daemonctl" "$@" --socket /var/lib/daemon/control.sock; }
pid_of() { pgrep -f "^sleep $1\$"; }
agents() { for n in 100001 100002 100003; do pid_of $n; done | tr '\n' ' '; }
main() { prop daemon MainPID; }
restarted() { [ "$(prop daemon NRestarts)" != "$1" ] && [ "$(prop daemon ActiveState)" = active ]; }
group() { echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$1/cgroup")"; }
adopted() { grep -c '"event":"agent-adopted"' $log; }
at_work() { [ "$(agents | wc -w)" = 3 ] && pgrep -f 'until \[ -e /run/hog' ; }

if [ "$VM_BOOT" = 1 ]; then
  mkdir -p "$root/releases/1.0.0" /etc/daemon /etc/systemd/system/daemon.service.d
  tar -xzf $in/release.tar.gz -C "$root/releases/1.0.0" --strip-components=1
  ln -s releases/1.0.0 "$root/current"
  install -d -m 2750 -g daemon /var/lib/daemon
  cp $in/daemon.yaml /etc/daemon/
  cp $in/daemon.service /etc/systemd/system/
  printf '[Service]\nEnvironment=DAEMON_NODE=%s\n' "$node" >/etc/systemd/system/daemon.service.d/node.conf
  is 'systemd-analyze verify' "$(systemd-analyze verify /etc/systemd/system/daemon.service 2>&1)" ''
  systemctl daemon-reload
  echo "exposure: $(systemd-analyze security daemon --no-pager | sed -n 's/.*: \([0-9.]*\) [A-Z].*/\1/p')"
  systemctl enable -q daemon

  echo '--- start'
  systemctl start daemon; is 'start' "$?" 0
  ok 'answers at once when it is ready' ctl link
  is 'agents are started when it is ready' "$(at_work >/dev/null && echo yes)" yes
  is 'its folder is left as it was made' "$(stat -c '%a %G' /var/lib/daemon)" '2750 daemon'
  is 'it does not wait for the Manager' "$(prop daemon ActiveState)" active
  until_ 30 sh -c "systemctl show -P StatusText daemon | grep -q '^4 agents running'"
  has 'status text' "$(prop daemon StatusText)" '4 agents running; link to the Manager'
  one=$(pid_of 100001)
  is 'agents know nothing of the notifications' "$(tr '\0' '\n' <"/proc/$one/environ" | grep -cE '^(NOTIFY_SOCKET|WATCHDOG)')" 0
  is 'the daemon is spared by the OOM killer' "$(cat "/proc/$(main)/oom_score_adj")" -500
  is 'agents are not' "$(cat "/proc/$one/oom_score_adj")" 0
  before=$(agents)

  echo '--- groups of their own'
  has 'an agent is in a scope' "$(group "$one")" /daemon.slice/daemon-agents.slice/daemon-agent-one-
  is 'the daemon has its group for itself' "$(cat "$(group "$(main)")/cgroup.procs")" "$(main)"
  hog=$(group "$(pgrep -f 'until \[ -e /run/hog' | head -n 1)")
  is 'memory.max' "$(cat "$hog/memory.max")" 39997440
  is 'memory.high' "$(cat "$(group "$one")/memory.high")" 35999744
  is 'memory.oom.group' "$(cat "$hog/memory.oom.group")" 1
  is 'cpu.max' "$(cat "$hog/cpu.max")" '60000 100000'
  is 'pids.max' "$(cat "$hog/pids.max")" 20

  echo '--- reload'
  sed -i 's/^daemon:/daemon:\n  log_level: debug/' /etc/daemon/daemon.yaml
  pid=$(main)
  systemctl reload daemon; is 'reload' "$?" 0
  ok 'the configuration is taken over' until_ 20 grep -q '"event":"reloaded"' $log
  until_ 20 systemctl is-active -q daemon; is 'same process' "$(main)" "$pid"

  echo '--- watchdog'
  seen=$(adopted) count=$(prop daemon NRestarts)
  kill -STOP "$(main)"
  ok 'it bites' until_ 140 restarted "$count"
  is 'agents live on' "$(agents)" "$before"
  is 'and are adopted' "$(($(adopted) - seen))" 4
  has 'the journal says why' "$(journalctl -q -u daemon -o cat)" 'Watchdog timeout'

  echo '--- kill -9'
  seen=$(adopted) count=$(prop daemon NRestarts)
  kill -KILL "$(main)"
  ok 'started again' until_ 60 restarted "$count"
  is 'agents live on' "$(agents)" "$before"
  is 'and are adopted' "$(($(adopted) - seen))" 4

  echo '--- restart and stop'
  seen=$(adopted)
  systemctl restart daemon; is 'restart' "$?" 0
  is 'agents live on' "$(agents)" "$before"
  is 'and are adopted' "$(($(adopted) - seen))" 4
  systemctl stop daemon; is 'stop' "$(prop daemon ActiveState)/$(prop daemon Result)" inactive/success
  is 'agents live on' "$(agents)" "$before"
  is 'limits hold meanwhile' "$(cat "$hog/memory.max")" 39997440
  is 'systemd counts no process as left over' "$(journalctl -q -u daemon -o cat | grep -c 'remains running')" 0
  systemctl start daemon
  is 'adopted again' "$(agents)" "$before"

  echo '--- an agent over its limit'
  pid=$(main)
  : >/run/hog
  ok 'its end is told with its reason' until_ 120 grep -q 'agent hog .*out of memory' $log
  is 'nothing of it is left' "$(pid_of 100004)" ''
  is 'the others live on' "$(agents)" "$before"
  is 'the daemon too' "$(main)" "$pid"

  echo '--- an agent that leaves a child behind'
  ok 'the child is there' pid_of 200000
  sed -i 's/^  - id: brood/  - id: brood\n    enabled: false/' /etc/daemon/daemon.yaml
  systemctl reload daemon
  ok 'is ended with it' until_ 40 sh -c '! pgrep -f "^sleep (100003|200000)$"'

  echo '--- nothing is left'
  is 'scopes' "$(until_ 20 sh -c '[ "$(systemctl list-units --all --no-legend "daemon-agent-*" | wc -l)" = 2 ]'; echo $?)" 0
  systemctl list-units --all --no-legend --plain 'daemon-*' | cut -d ' ' -f 1
  is 'failed units' "$(systemctl --failed --no-legend)" ''
  is "groups" "$(find /sys/fs/cgroup/daemon.slice/daemon-agents.slice -mindepth 1 -type d | wc -l)" 2

  echo '--- without the addon'
  mv "$root/current/lib/give-back.node" /root/
  systemctl restart daemon; is 'restart' "$?" 0
  ok 'status text' until_ 80 sh -c "systemctl show -P StatusText daemon | grep -q '^3 agents running, 1 stopped'"
  fed() { prop daemon WatchdogTimestampMonotonic; }
  last=$(fed)
  ok 'the watchdog is fed' until_ 60 sh -c "[ \"\$(systemctl show -P WatchdogTimestampMonotonic daemon)\" != $last ]"
  mv /root/give-back.node "$root/current/lib/"
  systemctl restart daemon
  echo "$fails" >/root/fails
  touch /run/vm-reboot
  exit 0
fi

echo '--- after a reboot'
fails=$(cat /root/fails)
ok 'the daemon is back' until_ 60 systemctl is-active -q daemon
ok 'agents are back' until_ 60 sh -c 'pgrep -f "^sleep 100001$" && pgrep -f "^sleep 100002$"'
is 'what was disabled is not' "$(pid_of 100003)" ''
has 'each in a scope' "$(group "$(pid_of 100001)")" daemon-agent-one-
is 'failed units' "$(systemctl --failed --no-legend)" ''
is 'the shutdown ended the daemon before its agents' "$(grep -c '"event":"agent-exited"' $log)" 1
[ "$fails" = 0 ] || { tail -n 40 $log | cut -c 1-400; journalctl -q -u daemon -o cat | tail -n 30; }
echo 'all checks of the machine were made'
exit "$fails"
