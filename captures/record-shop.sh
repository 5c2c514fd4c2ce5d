#!/usr/bin/env bash
# Records captures/shop.pcap: the demo's legacy on loopback, asked by seeded shoppers, captured whole by tcpdump.
# Needs the right to capture (root, or CAP_NET_RAW for tcpdump). PORT chooses the port, OUT the file.
set -euo pipefail
cd "$(dirname "$0")/.."
port=${PORT:-18471}
out=${OUT:-captures/shop.pcap}
work=$(mktemp -d)
started=()

stop() {
  for pid in "${started[@]}"; do kill -INT "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap stop EXIT

# wait_for FILE TEXT: until a program that was started has written that it is ready.
wait_for() {
  for _ in $(seq 100); do
    if grep -q "$2" "$1"; then return; fi
    sleep 0.1
  done
  echo "record-shop: '$2' did not come:" >&2
  cat "$1" >&2
  exit 1
}

command -v tcpdump >/dev/null || { echo "record-shop: tcpdump is missing: apt-get install tcpdump" >&2; exit 2; }
cargo build --locked --quiet --example shop-legacy --example shop-client
bin=${CARGO_TARGET_DIR:-target}/debug/examples

"$bin/shop-legacy" "$port" >"$work/legacy" 2>&1 &
started+=($!)
wait_for "$work/legacy" listening

# The buffer (in KiB) is far larger than the capture, so that nothing is dropped. Written through standard output,
# because tcpdump gives up its rights before it opens a file.
tcpdump -i lo -s 0 -B 16384 -U -w - "tcp port $port" >"$work/shop.pcap" 2>"$work/tcpdump" &
tcpdump=$!
started+=("$tcpdump")
wait_for "$work/tcpdump" listening

"$bin/shop-client" "127.0.0.1:$port"
sleep 1
kill -INT "$tcpdump"
wait "$tcpdump" || true
cat "$work/tcpdump" >&2
if ! grep -q '^0 packets dropped by kernel' "$work/tcpdump"; then
  echo "record-shop: the kernel dropped packets; record again on a quieter machine" >&2
  exit 1
fi
cp "$work/shop.pcap" "$out"
ls -l "$out"
