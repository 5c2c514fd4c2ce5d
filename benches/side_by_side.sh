#!/usr/bin/env bash
# `tapcompare inspect` against `tcpdump -r F -w /dev/null` on the same file, in turns in one run, and the peak memory of
# both. Prints medians and the ratio; judges nothing. Usage: benches/side_by_side.sh [MEGABYTES] [RUNS] [FILE]
set -euo pipefail
cd "$(dirname "$0")/.."

megabytes=${1:-475}
runs=${2:-7}
for tool in tcpdump /usr/bin/time; do
  command -v "$tool" >/dev/null || { echo "side_by_side: $tool is missing: apt-get install tcpdump time" >&2; exit 2; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo build --release --locked --quiet
file=${3:-$work/traffic.pcap}
[ -e "$file" ] || cargo run --release --locked --quiet --example make_capture -- "$megabytes" "$file"
tapcompare=$PWD/target/release/tapcompare
case $file in /*) ;; *) file=$PWD/$file ;; esac

# One run: appends "wall-seconds user+system peak-KiB" to a file.
measure() {
  local log=$1
  shift
  /usr/bin/time -a -o "$log" -f '%e %U %S %M' "$@" >/dev/null 2>&1
}
median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
column() { awk -v c="$2" '{ print (c == 2) ? $2 + $3 : $c }' "$1"; }

cat "$file" >/dev/null # in the page cache for all
for _ in $(seq "$runs"); do
  measure "$work/bare" tcpdump -r "$file" -w /dev/null
  measure "$work/text" "$tapcompare" inspect "$file"
  measure "$work/json" "$tapcompare" inspect --output json "$file"
done

bare=$(column "$work/bare" 1 | median)
printf '%-34s %8s %10s %9s %8s\n' "$(stat -c %s "$file") bytes, $runs runs" 'wall s' 'user+sys s' 'peak MiB' 'ratio'
for name in bare text json; do
  case $name in
    bare) title='tcpdump -r F -w /dev/null' ;;
    text) title='tapcompare inspect F' ;;
    json) title='tapcompare inspect --output json F' ;;
  esac
  wall=$(column "$work/$name" 1 | median)
  printf '%-34s %8.2f %10.2f %9.1f %8.2f\n' "$title" "$wall" "$(column "$work/$name" 2 | median)" \
    "$(column "$work/$name" 4 | median | awk '{ print $1 / 1024 }')" "$(echo "$wall $bare" | awk '{ print $1 / $2 }')"
done
