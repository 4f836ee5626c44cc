# What is changed on the host, each through the journal.
# shellcheck shell=sh disable=SC2034,SC2154 # a part of install.sh, which has the variables

changes=0
changed() {
  changes=$((changes + 1))
  say "  $1 ${2#"$root"}"
}

# Whatever is at the path is put aside, or noted as not there.
aside() {
  if [ -e "$1" ]; then
    former=${1%/*}/.${1##*/}.former
    rm -rf -- "$former"
    journal saved "$1" "$former"
    if [ -d "$1" ]; then mv -T -- "$1" "$former"; else ln -- "$1" "$former"; fi
  else
    journal made "$1"
  fi
}

owned() { # GROUP PATH: who is not root owns what he makes
  if [ "$(id -u)" = 0 ]; then chown "0:$1" -- "$2"; fi
}

# A link of an image that leads out of it would have this host changed.
inside() {
  [ -n "$root" ] || return 0
  real=$(cd -P -- "$1" && pwd)
  case $real/ in "$root"/*) ;; *) fail "$1 leads out of $root, to $real" ;; esac
}

folder() { # PATH MODE GROUP
  if [ -d "$1" ]; then
    inside "$1"
    return
  fi
  folder "${1%/*}" 755 0
  journal folder "$1"
  mkdir -m "$2" -- "$1"
  owned "$3" "$1"
  chmod "$2" -- "$1"
  receipt folder - "$1"
  changed 'made' "$1"
}

put() { # SOURCE PATH MODE GROUP: whole or not at all
  part=${2%/*}/.${2##*/}.part
  journal made "$part"
  cp -- "$1" "$part"
  chmod "$3" -- "$part"
  owned "$4" "$part"
  aside "$2"
  mv -fT -- "$part" "$2"
  changed 'wrote' "$2"
}

hash_of() { sha256sum <"$1" | cut -d ' ' -f 1; }
receipt() { printf '%s %s %s\n' "$1" "$2" "${3#"$root"}" >>"$work/receipt"; }
# What a former run put there: its SHA-256, empty where it put nothing.
recorded() { if [ -f "$installed" ]; then awk -v path="${1#"$root"}" '$1 == "file" && $3 == path { print $2; exit }' "$installed"; fi; }

# A file of ours. What somebody changed stays; ours goes beside it, once, as .new.
file() { # SOURCE PATH MODE GROUP [never]
  [ -f "$1" ] || return 0
  new=$(hash_of "$1")
  receipt file "$new" "$2"
  if [ ! -e "$2" ]; then
    put "$1" "$2" "$3" "$4"
    return
  fi
  old=$(hash_of "$2")
  was=$(recorded "$2")
  if [ "$old" = "$new" ] || [ "$was" = "$new" ]; then return 0; fi
  if [ "$old" = "$was" ] && [ "${5:-}" != never ]; then
    put "$1" "$2" "$3" "$4"
  elif [ ! -f "$2.new" ] || [ "$(hash_of "$2.new")" != "$new" ]; then
    put "$1" "$2.new" "$3" "$4"
    say "  ${2#"$root"} stays as it is; what is new is in ${2##*/}.new"
  fi
  if [ -f "$2.new" ]; then receipt file "$new" "$2.new"; fi
}

# Puts on disk what was written, and nothing else: a mount of somebody else's that does not answer would hold it up.
flush() {
  case $(sync --help 2>&1 || :) in
  *-f*) ;;
  *)
    sync # of a small busybox, which knows no volumes
    return
    ;;
  esac
  whole_lines "$work/journal" | cut -f 2 | sed -n '/^\//{s,/[^/]*$,,;s,^$,/,;p;}' | sort -u >"$work/written"
  while IFS= read -r path; do
    if [ -d "$path" ]; then sync -f -- "$path"; fi
  done <"$work/written"
}

link() { # TARGET PATH
  receipt link "$1" "$2"
  led=$(readlink -- "$2" || :)
  if [ "$led" = "$1" ]; then return 0; fi
  if [ -e "$2" ] && [ ! -L "$2" ]; then fail "$2 is in the way and not of this installation: move it"; fi
  journal made "$2.part"
  ln -sfT -- "$1" "$2.part"
  journal linked "$2" "$led" "$1"
  mv -fT -- "$2.part" "$2"
  changed 'linked' "$2"
}
