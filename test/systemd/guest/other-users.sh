# What happens in the machine: daemons that are not root's. One as a unit with User=, where no scope can be made; one as
# a unit of a user's own manager, where scopes are that manager's.
# shellcheck shell=bash source-path=SCRIPTDIR source=common.sh
. /vm-test/in/common.sh
root=/opt/daemon
pid_of() { pgrep -u joe -f "^sleep $1\$"; }
group() { sed -n 's/^0:://p' "/proc/$1/cgroup"; }
as_joe() { runuser -u joe -- env XDG_RUNTIME_DIR="/run/user/$(id -u joe)" HOME=/home/joe "$@"; }

useradd --create-home --shell /bin/sh joe
loginctl enable-linger joe
mkdir -p "$root/releases/1.0.0"
tar -xzf $in/release.tar.gz -C "$root/releases/1.0.0" --strip-components=1
ln -s releases/1.0.0 "$root/current"

echo '--- a unit with User='
mkdir -p /etc/joes
sed 's/NAME/joes/' $in/daemon.yaml >/etc/joes/daemon.yaml
sed -e 's/=daemon$/=joes/' -e "s#^ExecStart=.*#ExecStart=$root/current/bin/daemon --config /etc/joes/daemon.yaml#" \
  -e "s#^Type=.*#Type=notify\nUser=joe\nStateDirectory=joes\nLogsDirectory=joes\nEnvironment=DAEMON_NODE=$node#" $in/daemon.service >/etc/systemd/system/joes.service
systemctl daemon-reload
systemctl start joes; is 'start' "$?" 0
until_ 30 pid_of 100001; one=$(pid_of 100001)
is 'its agent is in its own group' "$(group "$one")" /system.slice/joes.service
is 'and no OOM killer spares it' "$(cat "/proc/$one/oom_score_adj")" 0
is 'one warning for the agent with limits' "$(grep -c 'its limits memory, tasks are without effect' /var/log/joes/daemon.log)" 1
is 'one that it has no group of its own, for whichever is first' "$(grep -c "it runs in the daemon's own control group" /var/log/joes/daemon.log)" 1
is 'no more than that' "$(grep -c '"event":"agent-warning"' /var/log/joes/daemon.log)" 2
systemctl restart joes; is 'a restart leaves it alone' "$(pid_of 100001)" "$one"
systemctl stop joes
pkill -u joe sleep

echo "--- a unit of a user's manager"
until_ 40 systemctl is-active -q "user@$(id -u joe).service"
mkdir -p /home/joe/.config/systemd/user /home/joe/d
sed -e 's#/var/l[a-z]*/NAME#/home/joe/d#' -e 's#/run/NAME#/home/joe/d#' $in/daemon.yaml >/home/joe/d/daemon.yaml
cat >/home/joe/.config/systemd/user/daemon.service <<UNIT
[Service]
Type=notify
WatchdogSec=30
KillMode=process
Environment=DAEMON_NODE=$node
ExecStart=$root/current/bin/daemon --config /home/joe/d/daemon.yaml
UNIT
chown -R joe: /home/joe
as_joe systemctl --user daemon-reload
as_joe systemctl --user start daemon; is 'start' "$?" 0
until_ 30 pid_of 100002; two=$(pid_of 100002)
has 'its agent is in a scope of that manager' "$(group "$two")" "/user@$(id -u joe).service/daemon.slice/daemon-agents.slice/daemon-agent-two-"
is 'memory.max' "$(cat "/sys/fs/cgroup$(group "$two")/memory.max")" 39997440
is 'pids.max' "$(cat "/sys/fs/cgroup$(group "$two")/pids.max")" 20
as_joe systemctl --user restart daemon; is 'a restart leaves it alone' "$(pid_of 100002)" "$two"
is 'without a warning' "$(grep -c '"event":"agent-warning"' /home/joe/d/daemon.log)" 0
as_joe systemctl --user stop daemon; is 'so does a stop' "$(pid_of 100002)" "$two"
[ "$fails" = 0 ] || { cut -c 1-300 /var/log/joes/daemon.log; cut -c 1-300 /home/joe/d/daemon.log; journalctl -q -o cat | tail -n 30; }
echo 'all checks of the machine were made'
exit "$fails"
