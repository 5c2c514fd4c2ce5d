#!/usr/bin/env bash
# Puts in place what building needs and a fresh Debian or Ubuntu lacks: a C compiler, make, libpcap's headers.
# Silent where nothing is missing. With "test", what the tests need too: rustfmt, clippy, and the programs of the tests
# of live capture and of the JUnit report. A Rust toolchain must be there already.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "setup: $*" >&2
  exit 2
}

command -v cargo >/dev/null || fail "there is no Rust toolchain: install one from https://rustup.rs and try again"
wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
found=$(cargo --version | cut -d' ' -f2)
[ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" = "$wanted" ] ||
  fail "Rust $found is too old, $wanted or later is needed: rustup update"

packages=()
command -v make >/dev/null || packages+=(make)
command -v cc >/dev/null || packages+=(build-essential)
# Whether a program can be linked with libpcap is the question that the build asks.
link_pcap() { echo 'int pcap_lib_version(void); int main(void) { return !pcap_lib_version; }' | cc -x c - -lpcap -o /dev/null; }
link_pcap 2>/dev/null || packages+=(libpcap-dev)
if [ "${1:-}" = test ]; then
  for need in curl:curl ip:iproute2 nginx:nginx-light prometheus:prometheus tcpdump:tcpdump wrk:wrk xmllint:libxml2-utils; do
    command -v "${need%:*}" >/dev/null || packages+=("${need#*:}")
  done
fi

if [ ${#packages[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || fail "missing: ${packages[*]} (Debian's names); install them by this system's package manager"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "missing: ${packages[*]}, and neither root nor sudo; as root: apt-get install ${packages[*]}"
    as_root=(sudo)
  fi
  echo "setup: installing ${packages[*]}" >&2
  services=()
  for package in "${packages[@]}"; do
    case "$package" in nginx-light) services+=(nginx) ;; prometheus) services+=(prometheus) ;; esac
  done
  # The programs are wanted, not a web server on port 80 nor a Prometheus: nothing starts while this installs
  # (invoke-rc.d(8)).
  policy=/usr/sbin/policy-rc.d
  if [ ${#services[@]} -gt 0 ] && ! ls "$policy" >/dev/null 2>&1; then
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
  fi
  "${as_root[@]}" apt-get update -qq >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2
  # Nor at the next boot.
  for service in ${services[@]+"${services[@]}"}; do "${as_root[@]}" update-rc.d "$service" disable >&2; done
fi

if [ "${1:-}" = test ] && ! { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
  command -v rustup >/dev/null || fail "rustfmt and clippy are missing; on Debian: apt-get install rustfmt rust-clippy"
  rustup component add rustfmt clippy >&2
fi
