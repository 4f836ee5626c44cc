#!/bin/sh
# Updates the daemon of this host by hand, the way that the Manager does: `daemonctl update daemon` checks the archive,
# proves the new version, and goes back by itself where that fails. Agents run on. Nothing else is tried.
set -eu

usage() {
  cat <<'END'
Usage: update.sh [--prefix DIR] [--root DIR] ARCHIVE [OPTION OF daemonctl update]...

  --prefix DIR  where the daemon is installed (default /opt/daemon)
  --root DIR    below this folder

Signature and manifest are looked for beside the archive. Further options, such as --allow-downgrade, --retry,
--no-wait and --json, go to daemonctl as they are. It waits for the outcome.
Exit codes: those of daemonctl update: 0 updated; 2 wrong command line; another: not updated, the former version runs.
END
}
misused() {
  printf 'update.sh: %s\n\n' "$*" >&2
  usage >&2
  exit 2
}

root='' prefix=/opt/daemon
while [ $# -gt 0 ]; do
  case $1 in
  --prefix | --root)
    [ $# -ge 2 ] || misused "$1 needs a value"
    case $1 in --prefix) prefix=$2 ;; --root) root=${2%/} ;; esac
    shift 2
    ;;
  --help)
    usage
    exit 0
    ;;
  -*) misused "$1 is not known in front of the archive" ;;
  *) break ;;
  esac
done
[ $# -ge 1 ] || misused 'name the archive'
archive=$1
shift
ctl=$root$prefix/current/bin/daemonctl
if [ ! -x "$ctl" ]; then
  printf 'update.sh: there is no daemon in %s: install it first (install.sh)\n' "$root$prefix" >&2
  exit 1
fi
exec "$ctl" update daemon --socket "$root/var/lib/daemon/control.sock" --file "$archive" "$@"
