#!/bin/sh
# Removes what install.sh put on this host, and nothing else. Configuration, logs and state stay, and agents run on,
# unless it is told otherwise. Each step can be repeated: a run that was interrupted is finished by the next one.
set -eu

usage() {
  cat <<'END'
Usage: uninstall.sh [--yes] [--prefix DIR] [--root DIR] [--stop-agents] [--purge]

  --yes          ask nothing
  --prefix DIR   where the daemon is installed (default /opt/daemon)
  --root DIR     below this folder
  --stop-agents  end the agents first, through daemonctl; without it they run on, with nobody to look after them.
                 Installed again, they are started, those too that somebody had stopped before
  --purge        remove configuration, logs and state too (/etc/daemon, /var/log/daemon, /var/lib/daemon)

Exit codes: 0 removed, or not there; 1 refused or failed; 2 wrong command line.
END
}
say() { printf '%s\n' "$*"; }
fail() {
  printf 'uninstall.sh: %s\n' "$*" >&2
  exit 1
}
misused() {
  printf 'uninstall.sh: %s\n\n' "$*" >&2
  usage >&2
  exit 2
}

systemctl_here() { [ -z "$root" ] && [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }

# Of the files of processes that are named, the pids of those that run: a zombie holds nothing any more.
alive() {
  while IFS=/ read -r _ _ pid _; do
    case $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) in '' | Z*) ;; *) say "$pid" ;; esac
  done
}
daemons() {
  { grep -lF -- "$root$prefix/releases/" /proc/[0-9]*/cmdline 2>/dev/null || :; } | while read -r file; do
    if grep -qzx -- '.*/lib/daemon\.js' "$file" 2>/dev/null; then say "$file"; fi
  done | alive
}
agents() { { grep -lzxF -- "DAEMON_AGENT_OWNER=$state" /proc/[0-9]*/environ 2>/dev/null || :; } | alive; }

confirm() {
  if [ "$yes" = yes ]; then return 0; fi
  [ -t 0 ] || fail 'there is no terminal to ask on: --yes removes it without a question'
  printf 'Remove the daemon from %s%s%s? [y/N] ' "$root" "$prefix" "$([ "$purge" = no ] || printf ', with configuration, logs and state')"
  read -r answer || answer=
  case $answer in [yY] | [yY][eE][sS]) ;; *) fail 'not removed' ;; esac
}

stop_agents() {
  if [ "$stop_agents" = yes ]; then
    "$root$prefix/current/bin/daemonctl" stop --all --socket "$state/control.sock" ||
      fail 'the agents could not be stopped; nothing was removed'
  fi
  running=$(agents | tr '\n' ' ')
  if [ -z "$running" ]; then return 0; fi
  [ "$purge" = no ] || fail "agents run (pids $running) and would lose their folders: add --stop-agents"
  say "agents run on, with nobody to look after them: pids $running"
}

# Whoever supervises it may start it again: then it is his to stop.
stop_daemon() {
  if systemctl_here && [ -f "/etc/systemd/system/$unit" ]; then systemctl --quiet disable --now "$unit"; fi
  first=$(daemons)
  for pid in $first; do kill -TERM "$pid" 2>/dev/null || :; done
  tries=0
  for pid in $first; do
    while [ -d "/proc/$pid" ] && [ "$tries" -lt 400 ]; do
      tries=$((tries + 1))
      sleep 0.1
    done
  done
  if [ -n "$first" ]; then sleep 1; fi # for one that starts it again
  left=$(daemons | tr '\n' ' ')
  [ -z "$left" ] || fail "the daemon still runs, pid $left: end what starts it again; nothing was removed"
}

# It says of each agent that it is to stay stopped, which would hold for the next installation.
forget_agents() {
  if [ "$stop_agents" = yes ] && [ -z "$(agents)" ]; then rm -f -- "$state/agents.json"; fi
}

# What install.sh must know of another time, and a later --purge: whose state and configuration are.
keep_group() {
  if [ "$purge" = yes ] || [ ! -d "$root/etc/daemon" ] || ! grep -q '^group ' "$tmp/installed"; then return 0; fi
  grep '^group ' "$tmp/installed" | sort -u >"$kept.part"
  mv -f -- "$kept.part" "$kept"
}

# Only what is written down, and folders only where nothing of others is in them.
remove_recorded() {
  while read -r kind what path; do
    case $path in /etc/daemon/* | /var/lib/daemon/* | /var/log/daemon/*) continue ;; esac
    case $kind in
    file) remove_file "$what" "$path" ;;
    link) if [ "$(readlink -- "$root$path" || :)" = "$what" ]; then rm -f -- "$root$path"; fi ;;
    esac
  done <"$tmp/installed"
  if systemctl_here; then systemctl daemon-reload; fi
  # without an agent in it a slice stays all the same; another daemon's agents are not to be ended with it
  if systemctl_here && grep -qsx 'populated 0' /sys/fs/cgroup/daemon.slice/cgroup.events; then systemctl stop daemon.slice || :; fi
}

remove_file() { # SHA256 PATH
  [ -f "$root$2" ] || return 0
  if [ "$(sha256sum <"$root$2" | cut -d ' ' -f 1)" = "$1" ]; then
    rm -f -- "$root$2"
  else
    say "  $2 was changed: it stays"
  fi
}

remove_folders() {
  sort -r "$tmp/installed" | while read -r kind _ path; do
    if [ "$kind" = folder ]; then rmdir -- "$root$path" 2>/dev/null || :; fi
  done
}

remove_group() {
  if [ "$purge" = no ]; then return 0; fi
  group=$(awk '$1 == "group" && $2 != "taken" { print $3; exit }' "$tmp/installed")
  [ -z "$group" ] || groupdel ${root:+--prefix "$root"} "$group" || say "  the group $group stays"
}

yes=no purge=no stop_agents=no root='' prefix=/opt/daemon
while [ $# -gt 0 ]; do
  case $1 in
  --yes) yes=yes ;;
  --purge) purge=yes ;;
  --stop-agents) stop_agents=yes ;;
  --prefix | --root)
    [ $# -ge 2 ] || misused "$1 needs a value"
    case $1 in --prefix) prefix=$2 ;; --root) root=$2 ;; esac
    shift
    ;;
  --help)
    usage
    exit 0
    ;;
  *) misused "$1 is not known" ;;
  esac
  shift
done
if [ -n "$root" ]; then
  root=$(cd -P -- "$root" 2>/dev/null && pwd) || misused '--root: there is no such folder'
  if [ "$root" = / ]; then root=; fi
fi
installed=$root$prefix/installed
kept=$root/etc/daemon/installed
state=$root/var/lib/daemon
unit=daemon.service
[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail 'only root can remove it from this host'
if [ ! -f "$installed" ]; then
  [ ! -d "$root$prefix/releases" ] || fail "$installed is missing: what is in $root$prefix was not put there by install.sh"
  if [ "$purge" = no ] || [ ! -d "$root/etc/daemon" ]; then
    say 'nothing to do: it is not installed'
    exit 0
  fi
fi
[ ! -d "$root$prefix/.install" ] || fail 'an installation is at work or was interrupted: run install.sh once more first'
[ ! -e "$root$prefix/trial" ] || fail 'an update is on trial just now: wait for its outcome (daemonctl updates)'

tmp=$(mktemp -d)
trap 'rm -rf -- "$tmp"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

confirm
stop_agents
stop_daemon
forget_agents
for file in "$installed" "$kept"; do
  if [ -f "$file" ]; then cat -- "$file"; fi
done >"$tmp/installed"
keep_group
remove_recorded
if [ "$purge" = yes ]; then rm -rf -- "$root/etc/daemon" "$state" "$root/var/log/daemon" "$root/run/daemon"; fi
rm -rf -- "$root$prefix/current" "$root$prefix/releases"
rm -f -- "$installed"
remove_folders
remove_group
if [ "$purge" = yes ]; then
  say 'removed, with configuration, logs and state'
else
  say 'removed; configuration, logs and state stay (--purge removes them)'
fi
