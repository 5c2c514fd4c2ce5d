#!/usr/bin/env bash
# What the whole `watch` costs and whether it sees everything: a web server under wrk at full speed on the loopback of a
# network of its own, watched with a run file, beside `tcpdump -B 65536 -w /dev/null` in the same run. A hundred exchanges a
# second are asked of a candidate (the same server at another port) and compared.
# Root is needed, and nginx, wrk and tcpdump. Usage: benches/watch.sh [SECONDS]
# Memory is that of the process, the kernel's ring of 64 MiB included. TAPCOMPARE_BINARY names another build than the
# release build.
set -euo pipefail
cd "$(dirname "$0")/.."
. benches/harness.sh

for body in small 4k 64k; do
  alone=$(load "$body")
  started tcpdump tcpdump -i lo -B 65536 -w /dev/null "tcp port $port"
  started watch "$watch" -v watch -i lo --candidate "http://127.0.0.1:$((port + 1))" --policy "$folder/policy.yaml" \
    --run "$folder/run-$body" --output json tcp port "$port"
  requests=$(load "$body")
  sleep 1.2
  pid=$(cat "$folder/watch.pid")
  mirror=$(spent "$pid" capture assemble)
  rest=$(spent "$pid" dispatch sockets compare-0 compare-1 compare-2 compare-3 tapcompare)
  peak=$(sed -n 's/^VmHWM:\s*\([0-9]*\) kB/\1/p' "/proc/$pid/status")
  own=$(sed -n 's/^RssAnon:\s*\([0-9]*\) kB/\1/p' "/proc/$pid/status")
  bare=$(cut -d' ' -f1 "/proc/$(cat "$folder/tcpdump.pid")/schedstat")
  kill -INT "$pid" "$(cat "$folder/tcpdump.pid")"
  wait
  paired=$(figure wire requests_paired)
  exchanges=$((paired > 0 ? paired : 1))
  echo "== $body: wrk made $requests requests ($alone where nobody listened)"
  echo "   ledger: $(figure wire requests) requests, $paired paired, $(figure live kernel_dropped) frames dropped by the" \
    "kernel, $(figure shadow compared) compared; tcpdump: $(sed -n 's/ by kernel//p' "$folder/tcpdump.err")"
  echo "   CPU an exchange: capture and assemble $((mirror / exchanges)) ns, the rest $((rest / exchanges)) ns;" \
    "tcpdump $((bare / exchanges)) ns"
  echo "   memory: $((own >> 10)) MiB of its own, $((peak >> 10)) MiB at most with the kernel's ring"
done
