# What an installation does, step by step. Each can be repeated.
# shellcheck shell=sh disable=SC2034,SC2154 # a part of install.sh, which has the variables

unpack() {
  cp -- "$archive" "$work/archive" || fail "$archive could not be copied to $work" # which nobody else can change
  check_archive "$work/archive"
  mkdir -- "$work/unpacked"
  tar -xzof "$work/archive" -C "$work/unpacked" 2>"$tmp/error" ||
    fail "$archive could not be unpacked: $(head -n 1 "$tmp/error")"
  rm -- "$work/archive"
  new=$work/unpacked/$top
  [ "$(cat "$new/VERSION")" = "$version" ] || fail "the archive holds $(cat "$new/VERSION"), not $version (check: version)"
  [ -x "$new/bin/daemon" ] || fail 'the archive has no bin/daemon that can be run (check: archive)'
}

listing() { (cd -- "$1" && find . -type f -exec sha256sum {} + && find . ! -type f && find . -type f -perm -100) | sort; }

# In place, before it is switched to: a damaged or unfit one shows here.
try() {
  if [ "$arch" != "$machine" ]; then
    say "  not run here: it is for $arch"
    return
  fi
  if [ -n "$root" ] && [ ! -x "$release/bin/node" ] && ! command -v "${DAEMON_NODE:-node}" >/dev/null; then
    say '  not run here: it carries no Node'
    return
  fi
  said=$("$release/bin/daemon" --version 2>&1) || fail "the daemon does not run on this host: $said (check: program)"
  [ "$said" = "$version" ] || fail "the daemon says that it is $said, not $version (check: version)"
  if [ -f "$config" ]; then
    said=$("$release/bin/daemon" --check --config "$config" 2>&1) ||
      fail "the daemon refuses the present configuration (check: program)
$said"
  fi
}

place_release() {
  folder "$root$prefix" 755 0
  folder "$root$prefix/releases" 755 0
  release=$root$prefix/releases/$version
  if [ ! -d "$release" ] || [ "$(listing "$release")" != "$(listing "$new")" ]; then
    if [ -d "$release" ] && [ "$current" = "$version" ] && [ "$force" = no ]; then
      fail "$release is in use and not what the archive holds: --force puts it there anew"
    fi
    aside "$release"
    mv -T -- "$new" "$release"
    changed 'unpacked' "$release"
  elif [ "$current" = "$version" ]; then
    return 0
  fi
  restart=yes
  try
}

group_id() {
  if [ -z "$root" ] && command -v getent >/dev/null; then
    getent group "$named" | cut -d : -f 3
  else
    awk -F : -v name="$named" '$1 == name { print $3; exit }' "$root/etc/group" 2>/dev/null || :
  fi
}

# Whose members get the control socket, and with it the agents: of a group that is there for something else they do only
# where somebody has said so. Sets its name, how it came (`-`: made here, `taken`: named), and its id where it is there.
choose_group() {
  former=$(cat -- "$installed" "$kept" 2>/dev/null | awk '$1 == "group" { print $2, $3; exit }')
  if [ -n "$former" ]; then
    [ "${named:-${former#* }}" = "${former#* }" ] ||
      fail "it is installed with the group ${former#* }: chgrp -R $named /var/lib/daemon /var/log/daemon changes that, not --group"
    named=${former#* }
    how=${former% *}
  elif [ -n "$named" ]; then
    how=taken
  else
    how=unknown
    named=hostd
  fi
  group=$(group_id)
  if [ -n "$group" ] && [ "$how" = unknown ]; then
    fail "there is a group $named, which install.sh has not made: --group $named lets its members use the control socket, --group NAME those of another"
  fi
}

make_group() {
  if [ -z "$group" ] && [ "$(id -u)" = 0 ] && [ -f "$root/etc/group" ] && command -v groupadd >/dev/null; then
    journal group "$named"
    groupadd ${root:+--prefix "$root"} --system "$named"
    changed 'made the group' "$named"
    how=-
    group=$(group_id)
  fi
  if [ -n "$group" ]; then
    receipt group "$how" "$named"
  else
    say "  there is no group $named, and none can be made here: only root will get at the control socket"
    group=0
  fi
}

place_files() {
  share=$release/share
  folder "$root/etc/daemon" 755 0
  folder "$root/etc/daemon/certs" 700 0
  folder "$root/etc/daemon/keys" 755 0
  # what is made in it, the control socket say, is the group's
  folder "$root/var/lib/daemon" 2750 "$group"
  folder "$root/var/log/daemon" 750 "$group"
  if [ "$(id -u)" = 0 ] && [ -n "$(find "$root/var/lib/daemon" -prune ! -group "$group")" ]; then
    say "  /var/lib/daemon was there and stays of its group: chgrp -R $named /var/lib/daemon /var/log/daemon lets $named in"
  fi
  file "$share/configs/daemon.yaml" "$config" 640 "$group" never
  if [ ! -e "$root/etc/daemon/keys/update.pub" ]; then put "$key" "$root/etc/daemon/keys/update.pub" 644 0; fi
  if [ -f "$share/systemd/daemon.service" ]; then
    folder "$root/etc/systemd/system" 755 0
    sed "s,/opt/daemon/,$prefix/,g" "$share/systemd/daemon.service" >"$work/daemon.service"
    before=$changes
    file "$work/daemon.service" "$root/etc/systemd/system/$unit" 644 0
    if [ "$before" != "$changes" ]; then restart=yes; fi
  fi
  if [ -f "$share/completions/daemonctl.bash" ]; then
    folder "$root/usr/local/share/bash-completion/completions" 755 0
    file "$share/completions/daemonctl.bash" "$root/usr/local/share/bash-completion/completions/daemonctl" 644 0
  fi
  if [ -f "$share/completions/_daemonctl" ]; then
    folder "$root/usr/local/share/zsh/site-functions" 755 0
    file "$share/completions/_daemonctl" "$root/usr/local/share/zsh/site-functions/_daemonctl" 644 0
  fi
  folder "$root/usr/local/bin" 755 0
  link "$prefix/current/bin/daemonctl" "$root/usr/local/bin/daemonctl"
}

place_receipt() {
  # what earlier runs made is ours still
  if [ ! -f "$installed" ]; then : >"$work/former"; else cp -- "$installed" "$work/former"; fi
  awk 'NR == FNR { ours[$3] } NR == FNR || !($3 in ours)' "$work/receipt" "$work/former" | sort -u >"$work/receipt.sorted"
  if [ ! -f "$installed" ] || [ "$(hash_of "$installed")" != "$(hash_of "$work/receipt.sorted")" ]; then
    put "$work/receipt.sorted" "$installed" 644 0
  fi
  if [ -f "$kept" ]; then
    aside "$kept"
    rm -f -- "$kept"
  fi
}

switch() {
  now=$(leads_to)
  if [ "${now##*/}" != "$current" ] || [ -e "$root$prefix/trial" ]; then
    fail "$root$prefix/current was switched by somebody else meanwhile: run it again"
  fi
  link "releases/$version" "$root$prefix/current"
}

serve() {
  if ! systemctl_here || [ ! -f "/etc/systemd/system/$unit" ]; then return 0; fi
  state=inactive
  if systemctl --quiet is-enabled "$unit" 2>/dev/null; then state=enabled; fi
  if systemctl --quiet is-active "$unit"; then state=active; fi
  if [ "$changes" = 0 ] && [ $state != inactive ] && { [ "$start" = no ] || [ $state = active ]; }; then return 0; fi
  journal service "$unit" "$state"
  systemctl daemon-reload
  systemctl --quiet enable "$unit"
  if [ "$start" = no ]; then return 0; fi
  if [ $state != active ]; then
    systemctl start "$unit" || fail "the service could not be started: journalctl -u $unit"
    changed 'started' "$unit"
  elif [ "$restart" = yes ]; then
    systemctl restart "$unit" || fail "the service could not be started anew: journalctl -u $unit"
    changed 'started anew' "$unit"
  fi
}

commit() {
  mv -- "$work/journal" "$work/done" # from here on it stands
  begun=no
  # what cannot be removed now the next run removes
  if ! clear_up || ! rm -rf -- "$work"; then say "what is no longer needed could not be removed from $work" >&2; fi
}
