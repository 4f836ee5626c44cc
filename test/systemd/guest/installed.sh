# For the tests of a signed release in the machine: how it is installed and updated, and what is seen of it, of its two
# agents and of the Manager.
# shellcheck shell=bash disable=SC2016,SC2034,SC2317 source-path=SCRIPTDIR source=common.sh
. /vm-test/in/common.sh
root=/opt/daemon
log=/var/log/daemon/daemon.log
state=/var/lib/daemon
journal=$state/updates/daemon.json
group=hostd
taken=/run/manager.log
installer() { sh $in/install.sh --yes --key $in/key.pub "$@" 2>&1; }
update() { sh "$root/current/share/update.sh" "$@" 2>&1; }
current() { basename "$(readlink "$root/current")"; }
main() { prop daemon MainPID; }
node_of() { readlink "/proc/$1/exe"; }
pid_of() { pgrep -f "^/bin/sleep $1\$"; }
agents() { for n in 100001 100002; do pid_of $n; done | tr '\n' ' '; }
both() { [ "$(agents | wc -w)" = 2 ]; }
link() { daemonctl link --json | "$node" -p 'const { state, reports } = JSON.parse(require("fs").readFileSync(0, "utf8")); `${state} ${reports.onDisk}`'; }
connected() { link | grep -q '^connected '; }
quiet() { [ -z "$(systemctl list-units --no-legend 'daemon-update-*')" ]; }
settled() { [ ! -e "$journal" ] && daemonctl updates; }
manager_unit() {
  cat >/etc/systemd/system/manager.service <<UNIT
[Unit]
RequiresMountsFor=$in
[Service]
ExecStart=$node $in/manager.js --json --port 9090 --tls $in/tls
StandardOutput=append:$taken
[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
}
# the test's configuration and certificates in the place of those that came with the release
configure() {
  systemctl start manager
  cp $in/tls/client.* $in/tls/ca.crt /etc/daemon/certs/
  chmod 600 /etc/daemon/certs/client.key
  cat $in/daemon.yaml >/etc/daemon/daemon.yaml
  systemctl reload daemon; is 'reload' "$?" 0
  ok 'the Manager is reached' until_ 120 connected
  ok 'agents are started' until_ 60 both
}
