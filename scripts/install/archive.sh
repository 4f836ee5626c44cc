# The archive: whether it is the one that was signed, unpacks to nothing else than a release, and may replace the present one.
# shellcheck shell=sh disable=SC2034,SC2154 # a part of install.sh, which has the variables

# -1, 0 or 1 for the first version below, like or above the second, by Semantic Versioning.
compare() {
  awk -v a="$1" -v b="$2" '
    function part(x, y) {
      if (x == y) return 0
      if (x ~ /^[0-9]+$/ && y ~ /^[0-9]+$/) return x + 0 < y + 0 ? -1 : (x + 0 > y + 0)
      if (x == "" || y == "") return x == "" ? -1 : 1
      if (x ~ /^[0-9]+$/) return -1
      if (y ~ /^[0-9]+$/) return 1
      return x "" < y "" ? -1 : 1
    }
    BEGIN {
      sub(/\+.*/, "", a); sub(/\+.*/, "", b)
      pa = a; pb = b
      if (!sub(/^[^-]*-/, "", pa)) pa = ""
      if (!sub(/^[^-]*-/, "", pb)) pb = ""
      sub(/-.*/, "", a); sub(/-.*/, "", b)
      n = split(a, x, "."); m = split(b, y, ".")
      for (i = 1; i <= (n > m ? n : m) && !r; i++) r = part(x[i] == "" ? "0" : x[i], y[i] == "" ? "0" : y[i])
      if (!r && pa != pb && (pa == "" || pb == "")) r = pa == "" ? 1 : -1
      n = split(pa, x, "."); m = split(pb, y, ".")
      for (i = 1; i <= (n > m ? n : m) && !r; i++) r = part(x[i], y[i])
      print r + 0
    }'
}

check_archive() {
  [ "$(wc -c <"$1")" -eq "$(value size)" ] || fail "$archive is not as large as its manifest says (check: size)"
  [ "$(hash_of "$1")" = "$sha256" ] || fail "$archive has another SHA-256 than its manifest says (check: hash)"
  if ! tar -tzf "$1" >"$tmp/names" 2>"$tmp/error" || ! tar -tvzf "$1" >"$tmp/list" 2>"$tmp/error"; then
    fail "$archive cannot be read: $(head -n 1 "$tmp/error") (check: archive)"
  fi
  top=$(sed -n '1s,/.*,,p' "$tmp/names")
  bad=$(grep -Evx '[A-Za-z0-9_+@~.-]+(/[A-Za-z0-9_+@~.-]+)*/?' "$tmp/names" | head -n 1 || :)
  [ -n "$bad" ] || bad=$(grep -E '(^|/)\.\.(/|$)' "$tmp/names" | head -n 1 || :)
  [ -n "$bad" ] || bad=$(awk -v top="$top" '$0 != top && index($0, top "/") != 1 { print; exit }' "$tmp/names")
  [ -n "$bad" ] || bad=$(sed 's,/$,,' "$tmp/names" | sort | uniq -d | head -n 1)
  # neither links nor devices, nothing setuid: a release has files and folders only
  [ -n "$bad" ] || bad=$(grep -Ev '^[-d][-r][-w][-x][-r][-w][-x][-r][-w][-x]' "$tmp/list" | head -n 1 || :)
  [ -z "$bad" ] || fail "$archive has an entry that is not unpacked: $bad (check: archive)"
}

# Whether it may take the place of what is there.
check_present() {
  current=$(leads_to)
  current=${current##*/}
  if [ -e "$root$prefix/trial" ]; then fail 'an update is on trial just now: wait for its outcome (daemonctl updates)'; fi
  if [ -z "$current" ] || [ "$force" = yes ]; then return 0; fi
  if [ "$(compare "$version" "$current")" -lt 0 ]; then
    fail "$version is lower than $current, which is installed: --force takes it nevertheless (check: version)"
  fi
}
