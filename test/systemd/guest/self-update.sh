# What happens in the machine: the daemon as a unit, updated to good and bad versions. A line a check; ends with the
# number of checks that failed.
# shellcheck shell=bash disable=SC2317 source-path=SCRIPTDIR source=common.sh
. /vm-test/in/common.sh
root=/opt/hostd
ctl() { DAEMON_NODE=$node "$root/current/bin/daemonctl" "$@" --socket /var/lib/hostd/control.sock; }
current() { basename "$(readlink "$root/current")"; }
agents() { pgrep -f '^/bin/sleep 100000' | sort | tr '\n' ' '; }
answers() { ctl updates; }
connected() { grep -q '"event":"registered"' /var/log/daemon.log; }
quiet() { [ -z "$(systemctl list-units --no-legend 'daemon-update-*')" ]; }

if [ "$VM_BOOT" = 1 ]; then
  mkdir -p "$root/releases/1.0.0"
  tar -xzf "$in/old.tar.gz" -C "$root/releases/1.0.0" --strip-components=1
  ln -s releases/1.0.0 "$root/current"
  cat >/etc/systemd/system/manager.service <<UNIT
[Service]
ExecStart=$node $in/manager.js --json --port 9090 --tls $in/tls
[Install]
WantedBy=multi-user.target
UNIT
  cat >/etc/systemd/system/hostd.service <<UNIT
[Unit]
StartLimitIntervalSec=30
StartLimitBurst=8
[Service]
Type=notify
WatchdogSec=30
TimeoutStartSec=90
Environment=DAEMON_NODE=$node
ExecStart=$root/current/bin/daemon --config $in/daemon.yaml
Restart=always
RestartSec=1
KillMode=process
TimeoutStopSec=40
[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable -q --now manager hostd
  until_ 60 connected; is "the daemon registers" "$?" 0
  before=$(agents)
  is "two agents" "$(echo "$before" | wc -w)" 2

  out=$(ctl update daemon --file "$in/good.tar.gz" 2>&1); is "a good version: exit code" "$?" 0
  echo "$out" | tail -n 1
  is "current" "$(current)" 1.1.0
  is "agents keep their pids" "$(agents)" "$before"
  is "unit" "$(prop hostd ActiveState)" active
  until_ 20 quiet; is "no helper is left" "$?" 0

  for bad in crashes hangs cannot-connect; do
    out=$(ctl update daemon --file "$in/$bad.tar.gz" --retry 2>&1); is "$bad: exit code" "$?" 1
    echo "$out" | tail -n 1
    has "$bad: rolled back" "$out" 'rolled back to 1.1.0'
    is "$bad: current" "$(current)" 1.1.0
    is "$bad: agents keep their pids" "$(agents)" "$before"
    is "$bad: unit" "$(prop hostd ActiveState)" active
    until_ 20 quiet; is "$bad: no helper is left" "$?" 0
    has "$bad: the status says so" "$(ctl updates)" 'Rolled back and not seen yet'
  done

  systemctl stop manager
  out=$(ctl update daemon --file "$in/newer.tar.gz" --retry 2>&1); is "the Manager is away: exit code" "$?" 0
  echo "$out" | tail -n 1
  is "the Manager is away: current" "$(current)" 1.2.0
  is "the Manager is away: agents keep their pids" "$(agents)" "$before"
  systemctl start manager

  # a power cut while a version is proving itself
  : >/var/log/daemon.log
  out=$(ctl rollback daemon --no-wait 2>&1); is "a rollback begins" "$?" 0
  until_ 120 grep -q '"step": "proving"' /var/lib/hostd/updates/daemon.json; is "it comes to proving" "$?" 0
  power_cut
fi

until_ 120 answers; is "after the power cut: the daemon answers" "$?" 0
until_ 180 test ! -e /var/lib/hostd/updates/daemon.json; is "after the power cut: the update is over" "$?" 0
ctl updates | tail -n 1
is "after the power cut: current" "$(current)" 1.1.0
is "after the power cut: unit" "$(prop hostd ActiveState)" active
is "after the power cut: two agents" "$(agents | wc -w)" 2
until_ 20 quiet; is "after the power cut: no helper is left" "$?" 0
[ "$fails" = 0 ] || { tail -n 30 /var/log/daemon.log; cat /var/lib/hostd/updates/handover.log; }
echo 'all checks of the machine were made'
exit "$fails"
