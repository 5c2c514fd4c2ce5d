#!/usr/bin/env bash
# What the dashboard costs the capture: two `watch` listen to the same traffic at the same time, one of them served, with a
# page that follows it (told by /events, fetched every two seconds) and a Prometheus' scrape every five.
# Root is needed, and nginx, wrk and curl. Usage: benches/serve.sh [SECONDS] [RUNS]
# Figures are processor time, so that other work on the machine shows little. TAPCOMPARE_BINARY names another build than
# the release build.
set -euo pipefail
cd "$(dirname "$0")/.."
. benches/harness.sh
runs=${2:-3}
serve=127.0.0.1:7070
ours="capture assemble dispatch sockets compare-0 compare-1 compare-2 compare-3 tapcompare serve"

look() {
  inside curl -sN "http://$serve/events" >"$folder/events" &
  events=$!
  local turn=0
  while sleep 2; do
    inside curl -s "http://$serve/" >"$folder/page"
    turn=$((turn + 1))
    [ $((turn % 3)) != 0 ] || inside curl -s "http://$serve/metrics" >"$folder/metrics"
  done
}
watching() {
  local name=$1
  shift
  started "$name" "$watch" -v watch -i lo --candidate "http://127.0.0.1:$((port + 1))" --policy "$folder/policy.yaml" \
    --run "$folder/run-$name-$body-$run" --output json "$@" tcp port "$port"
}

for body in small 4k; do
  for run in $(seq "$runs"); do
    # Whoever is started first must not be the same each time.
    if [ $((run % 2)) = 0 ]; then watching plain && watching served --serve "$serve"; else watching served --serve "$serve" && watching plain; fi
    look &
    looking=$!
    requests=$(load "$body")
    kill "$looking" && wait "$looking" 2>/dev/null || true
    sleep 1.2
    declare -A capture=() all=()
    for name in plain served; do
      pid=$(cat "$folder/$name.pid")
      capture[$name]=$(spent "$pid" capture assemble)
      # shellcheck disable=SC2086
      all[$name]=$(spent "$pid" $ours)
    done
    pid=$(cat "$folder/served.pid")
    serving=$(spent "$pid" serve)
    recorder=$(($(spent "$pid" tapcompare) - $(spent "$(cat "$folder/plain.pid")" tapcompare)))
    views=$(grep -c '^event:' "$folder/events" || true)
    kill -INT "$pid" "$(cat "$folder/plain.pid")"
    wait
    per() { awk -v n="$1" -v k="$requests" 'BEGIN { printf "%.0f ns", n / k }'; }
    ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%+.1f %%", (a / b - 1) * 100 }'; }
    echo "== $body, run $run: $requests requests, $views views, page of $(($(stat -c %s "$folder/page") >> 10)) KiB"
    echo "   capture and assemble: $(per "${capture[plain]}") an exchange, served $(per "${capture[served]}"): $(ratio "${capture[served]}" "${capture[plain]}")"
    echo "   serving (pages, figures) and its share of the recorder: $(per $((serving + recorder))) an exchange," \
      "$(awk -v a=$((serving + recorder)) -v b="${all[plain]}" 'BEGIN { printf "%.1f %%", a / b * 100 }') of the whole of the plain one"
    figure() { grep -o "\"$2\":.*" "$folder/$1.out" | head -1 | grep -o "\"$3\":[0-9]*" | head -1 | cut -d: -f2; }
    echo "   frames dropped by the kernel: $(figure plain live kernel_dropped), served $(figure served live kernel_dropped)"
  done
done
