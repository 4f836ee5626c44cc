# What happens in the machine: a signed release, Node included, is installed, upgraded, goes through an outage with a
# power cut in it and another one while the queue is being emptied, and is removed. What the Manager took, and what
# waited on disk, is printed for the test outside to compare.
# shellcheck shell=bash disable=SC2016,SC2317 source-path=SCRIPTDIR source=installed.sh
. /vm-test/in/installed.sh
as() { user=$1; shift; runuser -u "$user" -- daemonctl "$@"; }
socket() { stat -c '%a %U %G' "$state" "$state/control.sock" | tr '\n' ' '; }
on_disk() { [ "$(link | cut -d ' ' -f 2)" -ge "$1" ]; }
some() { [ "$(arrived | wc -l)" -ge 2 ]; }
drained() { [ "$(link)" = 'connected 0' ]; }
# a line a report: its entries
arrived() {
  "$node" -e 'for (const line of require("fs").readFileSync(process.argv[1], "utf8").split("\n").filter(Boolean)) {
    const { event, accepted, metrics } = JSON.parse(line);
    if (event === "report" && accepted) console.log(metrics.map(({ type, timestamp }) => `${type} ${timestamp}`).join());
  }' $taken
}
# what is on the host: type, mode, owner, path; the content of what is in /etc
host() {
  find /etc /opt /usr/local /var /home -xdev \( -path /var/lib/systemd -o -path /var/log/journal -o -path /var/tmp \) \
    -prune -o ! -path '/etc/*-' ! -path /etc/.pwd.lock -printf '%y %m %u %g %p %l\n' | sort
  find /etc -xdev -type f ! -name '*-' ! -name .pwd.lock -exec sha256sum {} + | sort -k 2
}
# what was placed: with times and inodes where the argument says so, of files only, since a run works in the folders
placed() {
  find /opt /etc/daemon /etc/systemd /usr/local -type d -printf '%p %m %u %g\n' -o -printf "%p %m %u %g %s %l $1\n" | sort
}

if [ "$VM_BOOT" = 1 ]; then
  for name in joe eve; do useradd --create-home --shell /bin/sh $name; done
  manager_unit
  host >/root/before

  echo '--- installed'
  out=$(installer $in/daemon-1.0.0-linux-x64.tar.gz); is 'install.sh' "$?" 0
  echo "$out" | tail -n 1
  is 'enabled and active' "$(systemctl is-enabled daemon) $(systemctl is-active daemon)" 'enabled active'
  ok 'answers at once when it is ready' daemonctl status
  has 'daemonctl status' "$(daemonctl status)" 'Daemon           1.0.0 on machine'
  is 'the group was made' "$(getent group $group | cut -d : -f 1)" $group
  is 'it is run by the Node that it brought' "$(node_of "$(main)")" $root/releases/1.0.0/bin/node
  is 'which is the only one to be found' "$(command -v node)$DAEMON_NODE$(prop daemon Environment)" ''
  configure
  before=$(agents)
  has 'daemonctl agents' "$(daemonctl agents | tr -s ' ')" "one running $(pid_of 100001) "
  out=$(daemonctl doctor 2>&1); is 'daemonctl doctor' "$?" 0
  echo "$out" | tail -n 1
  is 'no check of it failed' "$(echo "$out" | grep -c failed)" 0

  echo '--- the control socket'
  is 'folder and socket' "$(socket)" "2750 root $group 660 root $group "
  usermod --append --groups $group joe
  ok 'a member of the group may ask' as joe status
  as eve status >/dev/null 2>&1; is 'nobody else' "$?" 3
  systemctl restart daemon; is 'restart' "$?" 0
  is 'the same after a restart' "$(socket)" "2750 root $group 660 root $group "
  ok 'a member may still ask' as joe status
  is 'agents keep their pids' "$(agents)" "$before"

  echo '--- a second run'
  placed '%T@ %i' >/run/first; pid=$(main)
  has 'says so' "$(installer $in/daemon-1.0.0-linux-x64.tar.gz)" 'nothing to do: it is installed already'
  placed '%T@ %i' >/run/second
  is 'changes nothing' "$(diff /run/first /run/second)" ''
  is 'the daemon was left alone' "$(main)" "$pid"

  echo '--- upgraded by update.sh'
  out=$(update $in/daemon-1.1.0-linux-x64.tar.gz); is 'update.sh' "$?" 0
  echo "$out" | tail -n 1
  is 'current' "$(current)" 1.1.0
  is 'by its own Node' "$(node_of "$(main)")" $root/releases/1.1.0/bin/node
  is 'agents keep their pids' "$(agents)" "$before"
  ok 'no helper is left' until_ 20 quiet
  has 'install.sh has nothing to add' "$(installer $in/daemon-1.1.0-linux-x64.tar.gz)" 'nothing to do'

  echo '--- a version that does not come up, by update.sh with nobody waiting'
  update $in/crashes/daemon-1.2.0-linux-x64.tar.gz --no-wait >/dev/null; is 'it begins' "$?" 0
  ok 'it is switched to' until_ 240 sh -c "[ \"\$(basename \"\$(readlink $root/current)\")\" = 1.2.0 ]"
  ok 'it is over' until_ 300 settled
  is 'current' "$(current)" 1.1.0
  is 'active' "$(systemctl is-active daemon)" active
  is 'agents keep their pids' "$(agents)" "$before"
  has 'the status says so' "$(daemonctl updates)" 'Rolled back and not seen yet'
  ok 'no helper is left' until_ 40 quiet

  echo '--- the same by install.sh'
  placed '' >/run/first
  out=$(installer $in/crashes/daemon-1.2.0-linux-x64.tar.gz); is 'install.sh' "$?" 1
  has 'it says why' "$out" 'could not be started anew'
  has 'and that it is undone' "$out" 'everything is as it was before'
  is 'current' "$(current)" 1.1.0
  ok 'the daemon is back' until_ 60 daemonctl status
  has 'as the version before' "$(daemonctl status)" 'Daemon           1.1.0'
  is 'agents keep their pids' "$(agents)" "$before"
  placed '' >/run/second
  is 'files are as they were' "$(diff /run/first /run/second)" ''

  echo '--- upgraded by install.sh'
  out=$(installer $in/daemon-1.2.0-linux-x64.tar.gz); is 'install.sh' "$?" 0
  echo "$out" | tail -n 1
  has 'status' "$(daemonctl status)" 'Daemon           1.2.0'
  is 'agents keep their pids' "$(agents)" "$before"

  echo '--- an outage'
  sync
  ok 'the Manager is reached' until_ 120 connected
  count=$(arrived | wc -l)
  more() { [ "$(arrived | wc -l)" -gt $((count + 3)) ]; }
  ok 'reports arrive' until_ 60 more
  systemctl stop manager
  echo "before the outage: $(arrived | tail -n 20 | paste --serial --delimiters ';')"
  ok 'reports wait on disk' until_ 120 on_disk 12
  # what is said to be on disk, and then a copy of it in memory: nothing here must bring it to the disk
  count=$(link | cut -d ' ' -f 2)
  cp -r $state/reports /run/reports
  echo "promised: $("$node" $in/waiting-reports.cjs /run/reports | sed -n "1,${count}p" | paste --serial --delimiters ',')"
  power_cut
fi

echo '--- after the power cut'
ok 'the daemon is up' until_ 120 systemctl is-active -q daemon
ok 'agents are back' until_ 60 both
has 'in a scope' "$(cat "/proc/$(pid_of 100001)/cgroup")" daemon-agent-one-
is 'folder and socket' "$(socket)" "2750 root $group 660 root $group "
is 'current' "$(current)" 1.2.0
echo "link: $(link)"
if [ "$VM_BOOT" = 2 ]; then
  # an answer takes 10 s, and report-drain.ts pauses for as long as it waited: one second's reports each 20 s. The test
  # outside relies on it: that the second batch is seen, printed and the power cut must be over before the third
  echo '--- a Manager that takes the reports of one second each 20 s'
  systemd-run -q --unit manager-slow -p "StandardOutput=append:$taken" \
    "$node" $in/manager.js --json --port 9090 --tls $in/tls --protocol daemon --delay ReportMetrics=10s
  ok 'the queue is being emptied' until_ 240 some
  echo "taken of the outage: $(arrived | paste --serial --delimiters ';')"
  power_cut
fi

systemctl start manager
ok 'the Manager has all' until_ 240 drained
echo "after the outage: $(arrived | paste --serial --delimiters ';')"
is 'nothing was refused or lost' "$(grep -cE '"event":"(reports-lost|report-refused|queue-damaged)"' $log)" 0
systemctl stop manager

echo '--- removed'
out=$(sh "$root/current/share/uninstall.sh" --yes --purge 2>&1); is 'not while agents run' "$?" 1
has 'it says why' "$out" 'would lose their folders'
cp "$root/current/share/uninstall.sh" /run/
out=$(sh /run/uninstall.sh --yes --stop-agents --purge 2>&1); is 'uninstall.sh' "$?" 0
echo "$out" | tail -n 1
host >/run/after
is 'files' "$(diff /root/before /run/after)" ''
is 'what is in /run' "$(find /run -path '/run/udev' -prune -o -name '*daemon*' -print | grep -v /run/systemd/)" ''
is 'units' "$(systemctl list-units --all --no-legend --plain 'daemon*' | cut -d ' ' -f 1 | tr '\n' ' ')" ''
is 'failed units' "$(systemctl --failed --no-legend)" ''
is 'cgroups' "$(find /sys/fs/cgroup -name '*daemon*' | tr '\n' ' ')" ''
is 'processes' "$(pgrep -f '/opt/daemon|^/bin/sleep 10000')" ''
is 'the group' "$(getent group $group)" ''
is 'the link in PATH' "$(command -v daemonctl)" ''
has 'a second run' "$(sh /run/uninstall.sh --yes --purge 2>&1)" 'nothing to do: it is not installed'
[ "$fails" = 0 ] || { [ -e $log ] && tail -n 30 $log | cut -c 1-300; journalctl -q -b -u daemon -o cat | tail -n 30; }
echo 'all checks of the machine were made'
exit "$fails"
