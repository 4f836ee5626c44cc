# Undoing what a failed or interrupted run has changed.
# shellcheck shell=sh disable=SC2034,SC2154 # a part of install.sh, which has the variables

# A line of the journal is an action, a path, what was before (where its former content is, beside it, since that is
# the same file system; where the link led; what the service was), what is to be (where the link is to lead), and a dot.
# A dash stands for what is not there.
tab=$(printf '\t')
journal() { printf '%s\t%s\t%s\t%s\t.\n' "$1" "$2" "${3:--}" "${4:--}" >>"$work/journal"; }
# A line that was cut short, by a power cut or a full disk, names another path than was meant; what it was for had not begun.
whole_lines() { awk -F '\t' 'NF == 5 && $5 == "."' "$1"; }

leads_to() { readlink -- "$root$prefix/current" 2>/dev/null || :; }

systemctl_here() { [ -z "$root" ] && [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }

undo_line() { # ACTION PATH FORMER TARGET
  case $1 in
  made) if [ "$2" != "$root$prefix/$(leads_to)" ]; then rm -rf -- "$2"; fi ;; # a daemon may have switched to it since
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
    if [ "$(readlink -- "$2" || :)" != "$4" ]; then return 0; fi # not switched yet, or by somebody else since
    if [ "$3" = - ]; then
      rm -f -- "$2"
    else
      ln -sfT -- "$3" "$2.part"
      mv -fT -- "$2.part" "$2"
    fi
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

# Whether `current` was switched on to another release after that run had switched it: then a daemon has updated itself
# from what that run installed, which is all in place.
gone_on() {
  whole_lines "$work/journal" | awk -F '\t' -v path="$root$prefix/current" -v now="$(leads_to)" '
    $1 == "linked" && $2 == path && now != "" && $3 != now && $4 != now { on = 1 }
    END { exit !on }'
}

undo() {
  if [ -f "$work/journal" ] && gone_on; then mv -- "$work/journal" "$work/done" || return 1; fi
  if [ -f "$work/journal" ]; then
    whole_lines "$work/journal" | sed -n '1!G;h;$p' >"$tmp/undo" # the last one first
    while IFS=$tab read -r action path former target _; do
      undo_line "$action" "$path" "$former" "$target" || return 1
    done <"$tmp/undo"
    if grep -q "^service$tab" "$tmp/undo"; then systemctl daemon-reload || :; fi
    if grep -q "^service${tab}.*${tab}active${tab}" "$tmp/undo"; then systemctl restart "$unit" || :; fi
  elif [ -f "$work/done" ]; then
    clear_up || return 1
  fi
  rm -rf -- "$work" || return 1
  if [ -f "$tmp/undo" ]; then
    while IFS=$tab read -r action path _; do
      if [ "$action" = folder ]; then rmdir -- "$path" 2>/dev/null || :; fi
    done <"$tmp/undo"
    rm -- "$tmp/undo"
  fi
}

# What was put aside goes once all stands.
clear_up() {
  whole_lines "$work/done" | while IFS=$tab read -r action _ former _; do
    if [ "$action" = saved ]; then rm -rf -- "$former" || return 1; fi
  done
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
