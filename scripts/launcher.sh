#!/bin/sh
# Runs the program of this release that has this file's name: bin/daemon runs lib/daemon.js. Links to it are
# followed, so that a process keeps to the release that it was started from when a link is switched. Node is the one
# that comes with the release (bin/node), else DAEMON_NODE, else what PATH has.
set -eu

self=$(readlink -f -- "$0")
bin=${self%/*}
if [ -x "$bin/node" ]; then
  node=$bin/node
else
  node=${DAEMON_NODE:-node}
fi
exec "$node" "${bin%/*}/lib/${self##*/}.js" "$@"
