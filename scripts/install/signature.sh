# The manifest: who signed it, and whether it is for this host. docs/updates.md has what is checked, and the words.
# shellcheck shell=sh disable=SC2034,SC2154 # a part of install.sh, which has the variables

# Whether this one key made the signature; fails for a key that no daemon would take.
signed_by() { # KEY FILE SIGNATURE
  text=$(openssl pkey -pubin -in "$1" -noout -text 2>/dev/null) || fail "$key has a block that is no public key (check: key)"
  case $text in
  *ED25519*)
    openssl pkeyutl -verify -pubin -inkey "$1" -rawin -in "$2" -sigfile "$3" >/dev/null 2>&1
    ;;
  *'NIST CURVE: P-256'* | *'NIST CURVE: P-384'*)
    openssl dgst -sha256 -verify "$1" -signature "$3" "$2" >/dev/null 2>&1
    ;;
  *Modulus*)
    bits=$(printf '%s\n' "$text" | sed -n '1s/[^0-9]*\([0-9][0-9]*\) bit.*/\1/p')
    [ "${bits:-0}" -ge 2048 ] || fail "$key has an RSA key of ${bits:-no} bits, 2048 are the least (check: key)"
    openssl dgst -sha256 -verify "$1" -signature "$3" "$2" >/dev/null 2>&1 ||
      openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:auto \
        -verify "$1" -signature "$3" "$2" >/dev/null 2>&1
    ;;
  *) fail "$key has a key that is neither RSA, ECDSA on P-256 or P-384, nor Ed25519 (check: key)" ;;
  esac
}

check_signature() { # FILE SIGNATURE
  awk -v to="$tmp/key" '/^-----BEGIN /{ n++ } n { print > (to "." n) }' "$key"
  [ -f "$tmp/key.1" ] || fail "$key holds no key in PEM (check: key)"
  for one in "$tmp"/key.*; do
    if signed_by "$one" "$1" "$2"; then return 0; fi
  done
  fail "$manifest was not signed with a key of $key (check: signature)"
}

# A value of the manifest, whose form is its writer's: a key a line. Read only once its signature is good.
value() { sed -n "s/^  \"$1\": \"\{0,1\}\([A-Za-z0-9.:+-]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$tmp/manifest"; }

check_manifest() {
  manifest=$archive.manifest.json
  if [ ! -f "$manifest" ] || [ ! -f "$manifest.sig" ]; then
    fail "$manifest and its .sig must lie beside the archive: an unsigned one is not installed (check: signature)"
  fi
  [ -r "$key" ] || fail "there is no key to check the archive with: name one with --key ($key cannot be read)"
  cp -- "$manifest" "$tmp/manifest" # what is checked is what is read
  check_signature "$tmp/manifest" "$manifest.sig"
  version=$(value version)
  sha256=$(value sha256)
  printf '%s\n' "$version" | grep -Eqx '[0-9]+(\.[0-9]+){1,3}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?' ||
    fail "$manifest names no version (check: manifest)"
  if [ "$(value format)" != 1 ] || [ ${#sha256} != 64 ]; then
    fail "$manifest is of no form that is known here (check: manifest)"
  fi
  [ "$(value component)" = daemon ] || fail "$manifest is not for the daemon (check: component)"
  [ "$(value platform)" = linux ] || fail "$manifest is for $(value platform), not for linux (check: platform)"
  arch=$(value arch)
  case $(uname -m) in x86_64) machine=x64 ;; aarch64 | arm64) machine=arm64 ;; *) machine=$(uname -m) ;; esac
  [ -n "$root" ] || [ "$arch" = "$machine" ] ||
    fail "the archive is for $arch, this host is $machine: take the one for it (check: arch)"
  expires=$(value expires | cut -c 1-19 | tr -dc 0-9)
  [ "${expires:-0}" -gt "$(date -u +%Y%m%d%H%M%S)" ] ||
    fail "$manifest has expired ($(value expires)): sign the archive anew, or mend the clock of this host (check: expiry)"
}
