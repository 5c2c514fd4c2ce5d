#!/usr/bin/env bash
# How long it takes to write the page of a long run, and how large it is: `judge RUN --html` beside `judge RUN`, in turns.
# Usage: benches/million.sh [EXCHANGES] [RUNS]. The run is made by examples/make_run.rs: a hundred endpoints, 14 days, each
# exchange compared. TAPCOMPARE_BINARY and TAPCOMPARE_MAKE_RUN name other builds than the release build.
set -euo pipefail
cd "$(dirname "$0")/.."
exchanges=${1:-1000000}
runs=${2:-3}
if [ -z "${TAPCOMPARE_BINARY:-}" ]; then cargo build --release --locked --quiet; fi
if [ -z "${TAPCOMPARE_MAKE_RUN:-}" ]; then cargo build --release --locked --quiet --example make_run; fi
judge=${TAPCOMPARE_BINARY:-target/release/tapcompare}
make_run=${TAPCOMPARE_MAKE_RUN:-target/release/examples/make_run}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$make_run" "$exchanges" "$folder/run"
echo "$exchanges exchanges: a run file of $(($(stat -c %s "$folder/run") >> 10)) KiB"

# Processor time of a command, in milliseconds; 1 and 3 are verdicts.
spent() {
  local TIMEFORMAT='%U %S'
  { time "$@" >/dev/null 2>"$folder/err"; } 2>"$folder/time" || case $? in 1 | 3) ;; *) cat "$folder/err" >&2; exit 2 ;; esac
  awk '{ printf "%d", ($1 + $2) * 1000 }' "$folder/time"
}
for run in $(seq "$runs"); do
  without=$(spent "$judge" judge "$folder/run" --output json)
  with=$(spent "$judge" judge "$folder/run" --output json --html "$folder/page.html")
  echo "run $run: judged in $without ms, with the page $with ms: $((with - without)) ms for a page of $(stat -c %s "$folder/page.html") bytes"
done
