#!/bin/sh
# Runs the program of this release that has this file's name: bin/daemon runs lib/daemon.js. Links to it are
# followed, so that a process keeps to the release that it was started from when a link is switched. Node is the one
# that comes with the release (bin/node), else DAEMON_NODE, else what PATH has.
#
# A version that has not proven itself yet has a limited number of starts, counted here because nothing of its own may
# work: ROOT/trial holds how many are left, its name, and the name of the version before it, which is started once they
# are used up. So a version that crashes is undone even where nobody watches any more, as after a power cut.
set -eu

self=$(readlink -f -- "$0")
bin=${self%/*}
release=${bin%/*}
root=${release%/*/*}
trial=$root/trial
# for the daemon Node's options are its own, not those of the shell that it happens to be started from, or of all services
# of the host: some would keep it from starting beside the flags below. Its own are DAEMON_NODE_OPTIONS.
if [ "${self##*/}" = daemon ]; then unset NODE_OPTIONS NODE_USE_SYSTEM_CA; fi
case ${self##*/}"  $* " in
'daemon '*' --version '* | 'daemon '*' --check '* | 'daemon '*' --help '*) ;;
'daemon '*)
  if [ -f "$trial" ] && read -r left new old folder <"$trial" && [ "$new" = "${release##*/}" ]; then
    if [ "$left" -gt 0 ]; then
      # a start that cannot be counted is a start all the same
      { printf '%s %s %s %s\n' "$((left - 1))" "$new" "$old" "$folder" >"$trial.new" && mv -f "$trial.new" "$trial"; } || :
      # one that hangs uses up no starts: the watcher of the version before it, where the other went with a reboot
      helper=$root/releases/$old/lib/handover.js
      watcher=${DAEMON_NODE:-node}
      [ -x "$root/releases/$old/bin/node" ] && watcher=$root/releases/$old/bin/node
      if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
        systemd-run --quiet --collect --property=Restart=on-failure --property=RestartSec=1 -- \
          "$watcher" "$helper" "$folder" </dev/null >/dev/null 2>&1 || :
      else
        (setsid "$watcher" "$helper" "$folder" </dev/null >/dev/null 2>&1 &)
      fi
    elif [ -x "$root/releases/$old/bin/daemon" ]; then
      exec "$root/releases/$old/bin/daemon" "$@"
    fi
  fi
  ;;
esac
if [ -x "$bin/node" ]; then
  node=$bin/node
else
  node=${DAEMON_NODE:-node}
fi
case ${self##*/} in
daemon)
  # what keeps it small (docs/footprint.md): one arena of malloc, a young generation of 1 MiB, none of the CAs that
  # Node brings or finds, which would stay in memory from the first connection on. Without the two names OpenSSL would
  # look into /etc/ssl, where some systems have all of them in one file. The daemon trusts its own CA; for downloads from
  # elsewhere it reads the others when it needs them.
  export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}"
  if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then export DAEMON_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS"; fi
  unset NODE_EXTRA_CA_CERTS
  export SSL_CERT_FILE=/dev/null SSL_CERT_DIR=/dev/null
  set -- --use-openssl-ca --max-semi-space-size=1 "${bin%/*}/lib/${self##*/}.js" "$@"
  # a thread of these versions takes 3 MB less where it does not begin from Node's snapshot
  case $("$node" --version) in v22.* | v24.*) set -- --no-node-snapshot "$@" ;; esac
  if [ -n "${DAEMON_NODE_OPTIONS:-}" ]; then export NODE_OPTIONS="$DAEMON_NODE_OPTIONS"; fi
  ;;
*) set -- "${bin%/*}/lib/${self##*/}.js" "$@" ;;
esac
exec "$node" "$@"
