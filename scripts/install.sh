#!/bin/sh
# Puts a signed release of the daemon on this host, or into the folder of an image: docs/install.md. Nothing of the
# archive is unpacked before its signature, SHA-256 and names have been checked. Each change is written to a journal
# first, so that whatever fails or is interrupted is undone: at once, or by the next run where it was killed. A run
# that finds everything in place changes nothing. No configuration is ever overwritten. A release has it in one piece,
# with its parts (install/) put in.
set -eu
umask 022
LC_ALL=C
export LC_ALL

usage() {
  cat <<'END'
Usage: install.sh [--yes] [--prefix DIR] [--root DIR] [--key PUBLIC_KEY_FILE] [--group NAME] [--no-start] [--force]
                  ARCHIVE

  --yes         ask nothing
  --prefix DIR  where releases go (default /opt/daemon)
  --root DIR    install into this folder, that of an image say, and start nothing
  --key FILE    public key of those who release (default /etc/daemon/keys/update.pub)
  --group NAME  whose members may use the control socket (default hostd); made where it is missing
  --no-start    do not start the service, or start it anew
  --force       take a version that is lower, or the same one with other content

ARCHIVE.manifest.json and ARCHIVE.manifest.json.sig must lie beside the archive.
Exit codes: 0 installed, or nothing to do; 1 refused or failed, everything is as before; 2 wrong command line;
128+N ended by signal N, everything is as before.
END
}
say() { printf '%s\n' "$*"; }
fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}
misused() {
  printf 'install.sh: %s\n\n' "$*" >&2
  usage >&2
  exit 2
}

parts=$(dirname -- "$0")/install
# shellcheck source=scripts/install/journal.sh
. "$parts/journal.sh"
# shellcheck source=scripts/install/changes.sh
. "$parts/changes.sh"
# shellcheck source=scripts/install/signature.sh
. "$parts/signature.sh"
# shellcheck source=scripts/install/archive.sh
. "$parts/archive.sh"
# shellcheck source=scripts/install/steps.sh
. "$parts/steps.sh"

confirm() {
  if [ "$yes" = yes ] || [ "$current" = "$version" ]; then return 0; fi
  [ -t 0 ] || fail 'there is no terminal to ask on: --yes installs without a question'
  printf 'Install the daemon %s (%s)%s in %s%s? [y/N] ' "$version" "$arch" "${current:+ in place of $current}" "$root" "$prefix"
  read -r answer || answer=
  case $answer in [yY] | [yY][eE][sS]) ;; *) fail 'not installed' ;; esac
}

yes=no force=no start=yes restart=no root='' prefix=/opt/daemon key='' named='' archive=''
while [ $# -gt 0 ]; do
  case $1 in
  --yes) yes=yes ;;
  --force) force=yes ;;
  --no-start) start=no ;;
  --prefix | --root | --key | --group)
    [ $# -ge 2 ] || misused "$1 needs a value"
    case $1 in --prefix) prefix=$2 ;; --root) root=$2 ;; --key) key=$2 ;; --group) named=$2 ;; esac
    shift
    ;;
  --help)
    usage
    exit 0
    ;;
  -*) misused "$1 is not known" ;;
  *)
    [ -z "$archive" ] || misused 'one archive at a time'
    archive=$1
    ;;
  esac
  shift
done
[ -n "$archive" ] || misused 'name the archive'
if [ -n "$root" ]; then
  root=$(cd -P -- "$root" 2>/dev/null && pwd) || misused '--root: there is no such folder'
  if [ "$root" = / ]; then root=; fi
fi
printf '%s\n' "$prefix" | grep -Eqx '(/[A-Za-z0-9_.+-]+)+' || misused '--prefix is an absolute path of letters, digits and ._+-'
case $prefix/ in */../* | */./*) misused '--prefix must not hold . or ..' ;; esac
case $root in *[[:cntrl:]]*) misused '--root must not hold control characters' ;; esac
printf '%s\n' "${named:-hostd}" | grep -Eqx '[A-Za-z_][A-Za-z0-9_.-]{0,31}' || misused '--group is the name of a group'
config=$root/etc/daemon/daemon.yaml
installed=$root$prefix/installed
kept=$root/etc/daemon/installed # what uninstall.sh left of it
work=$root$prefix/.install
unit=daemon.service
key=${key:-$root/etc/daemon/keys/update.pub}

missing=
for tool in awk cat chmod chown cp cut date find grep gzip head id ln mkdir mktemp mv openssl readlink rm rmdir sed \
  sha256sum sort sync tar tr uname uniq wc; do
  command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -z "$missing" ] || fail "these programs are missing here:$missing"
[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail 'only root can install on this host (--root DIR installs into a folder)'
[ -f "$archive" ] || fail "there is no file $archive"

begun=no made=
tmp=$(mktemp -d)
trap 'finish $?' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

check_manifest
check_archive "$archive"
begin
check_present
choose_group
confirm
say "daemon $version, $arch, in $root$prefix"
unpack
place_release
make_group
place_files
place_receipt
flush
switch
serve
commit
if [ "$changes" = 0 ]; then
  say 'nothing to do: it is installed already'
elif systemctl_here; then
  say "installed; see: systemctl status $unit, daemonctl status"
else
  say "installed; to be started as $prefix/current/bin/daemon by whoever supervises it"
fi
