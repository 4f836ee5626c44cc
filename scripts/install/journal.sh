# Undoing what a failed or interrupted run has changed.
# shellcheck shell=sh disable=SC2034,SC2154 # a part of install.sh, which has the variables

# A line of the journal is an action, a path, and what belongs to it: where its former content is, beside it, since
# that is the same file system; where the link led; what the service was.
tab=$(printf '\t')
journal() { printf '%s\t%s\t%s\n' "$1" "$2" "${3:-}" >>"$work/journal"; }

systemctl_here() { [ -z "$root" ] && [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }

undo_line() { # ACTION PATH REST
  case $1 in
  made) rm -rf -- "$2" ;;
  saved)
    # shellcheck disable=SC3013 # every sh of Linux has -ef, and POSIX since 2024
    if [ "$3" -ef "$2" ]; then
      rm -f -- "$3" # it was not replaced yet: two names of one file
    elif [ -e "$3" ]; then
      if [ -d "$2" ]; then rm -rf -- "$2"; fi
      mv -fT -- "$3" "$2"
    fi
    ;;
  linked)
    ln -sfT -- "$3" "$2.part"
    mv -fT -- "$2.part" "$2"
    ;;
  folder) rmdir -- "$2" 2>/dev/null || : ;; # those around the journal go last
  group) groupdel ${root:+--prefix "$root"} "$2" || : ;;
  service)
    case $3 in
    inactive) systemctl --quiet disable --now "$2" || : ;;
    enabled) systemctl stop "$2" || : ;;
    esac
    ;;
  esac
}

undo() {
  if [ -f "$work/journal" ]; then
    sed -n '1!G;h;$p' "$work/journal" >"$tmp/undo" # the last one first
    while IFS=$tab read -r action path rest; do undo_line "$action" "$path" "$rest" || return 1; done <"$tmp/undo"
    if grep -q "^service$tab" "$work/journal"; then systemctl daemon-reload || :; fi
    if grep -q "^service${tab}.*${tab}active" "$work/journal"; then systemctl restart "$unit" || :; fi
  elif [ -f "$work/done" ]; then
    clear_up || return 1
  fi
  rm -rf -- "$work" || return 1
  if [ -f "$tmp/undo" ]; then
    while IFS=$tab read -r action path rest; do
      if [ "$action" = folder ]; then rmdir -- "$path" 2>/dev/null || :; fi
    done <"$tmp/undo"
    rm -- "$tmp/undo"
  fi
}

# What was put aside goes once all stands.
clear_up() {
  while IFS=$tab read -r action path rest; do
    if [ "$action" = saved ]; then rm -rf -- "$rest" || return 1; fi
  done <"$work/done"
}

finish() {
  trap '' HUP INT TERM
  trap - EXIT
  if [ "$begun" = yes ]; then
    if undo; then
      say 'install.sh: everything is as it was before' >&2
    else
      say "install.sh: not everything could be undone; run it again once that is mended ($work/journal)" >&2
    fi
    remove_made
  fi
  rm -rf -- "$tmp"
  # a program that failed has a status of its own
  if [ "$1" -gt 0 ] && [ "$1" -lt 128 ]; then exit 1; fi
  exit "$1"
}

# pid and start time: a pid alone may be another process's by now
start_of() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

remove_made() {
  printf '%s' "$made" | while IFS= read -r path; do rmdir -- "$path" 2>/dev/null || :; done
}

# Takes the place, after it has undone what a run left that was killed.
begin() {
  if [ -d "$work" ]; then
    owner=$(cat "$work/owner" 2>/dev/null || :)
    if [ -n "$owner" ] && [ "$(start_of "${owner% *}")" = "${owner#* }" ]; then
      fail "another installation is at work, pid ${owner% *}"
    fi
    say 'an earlier installation was interrupted: what it left is cleared up first'
    undo || fail "what an earlier installation left cannot be cleared up ($work/journal)"
  fi
  path=$root$prefix
  while [ ! -d "$path" ]; do # the inner ones first
    made="$made$path
"
    path=${path%/*}
  done
  inside "$path"
  mkdir -p -- "$root$prefix"
  if ! mkdir -m 700 -- "$work"; then
    remove_made
    fail "$work cannot be made"
  fi
  begun=yes
  printf '%s %s\n' "$$" "$(start_of $$)" >"$work/owner"
  : >"$work/journal"
  printf '%s' "$made" | sed '1!G;h;$!d' | while IFS= read -r path; do
    journal folder "$path"
    receipt folder - "$path"
  done
}
