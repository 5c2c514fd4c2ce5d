#!/usr/bin/env bash
# What putting the rules to the test costs a `watch`: two listen to the same traffic at the same time, both served and
# followed by a page, one under a policy that asks nothing of its rules, so that no fault is seeded while it goes on.
# Root is needed, and nginx, wrk and curl. Usage: benches/rules.sh [SECONDS] [RUNS]
# Forty endpoints answer JSON of 1 to 4 KiB, which is the same on both sides. Figures are processor time. TAPCOMPARE_BINARY
# names another build than the release build.
set -euo pipefail
cd "$(dirname "$0")/.."
. benches/harness.sh
runs=${2:-3}
endpoints=40
answers=50

# Answers of a shop: /e07/12 is of 1 to 4 KiB by its endpoint.
for endpoint in $(seq -w 0 $((endpoints - 1))); do
  mkdir "$folder/e$endpoint"
  awk -v folder="$folder/e$endpoint" -v answers="$answers" -v lines="$((8 + 10#$endpoint * 30 / endpoints))" 'BEGIN {
    for (n = 0; n < answers; n++) {
      file = folder "/" n + 1000
      printf "{\"orderId\":%d,\"placed\":\"2026-11-20T10:%02d:00Z\",\"paid\":%s,\"note\":null,\"items\":[", n, n % 60, n % 3 ? "true" : "false" >file
      for (line = 0; line < lines; line++)
        printf "%s{\"sku\":\"A-%05d\",\"title\":\"Thing of size %d\",\"quantity\":%d,\"price\":%d.99}", line ? "," : "", n * 7 + line, line, line % 5 + 1, n + line >file
      printf "]}" >file
      close(file)
    }
  }'
done
chmod -R a+rX "$folder"
sed -i 's/root /default_type application\/json; etag on; root /' "$folder/nginx.conf"
inside nginx -c "$folder/nginx.conf" -s reload
cat >"$folder/load.lua" <<LUA
local n = 0
function request()
  n = n + 1
  return wrk.format("GET", string.format("/e%02d/%d", n % $endpoints, 1000 + math.random(0, $answers - 1)))
end
function delay() return pause end
function init(args) pause = tonumber(args[1]) math.randomseed(1) end
LUA
{
  echo 'endpoints: {templates: ['
  for endpoint in $(seq -w 0 $((endpoints - 1))); do echo "  'GET /e$endpoint/{id}',"; done
  echo ']}'
} >"$folder/common.yaml"
# Both ask the same, however slow the machine is.
limits='safety: {limits: {rate: 100/s, timeout: 10s}, breaker: off, backoff: off}'
{ cat "$folder/common.yaml"; echo "$limits"; } >"$folder/tried.yaml"
{ cat "$folder/common.yaml"; echo "$limits"; echo 'gates: {rules: {hidden_at_most: 100%, faults_detected: 0%}}'; } >"$folder/untried.yaml"

declare -A serve=([tried]=127.0.0.1:7070 [untried]=127.0.0.1:7071)
watching() {
  started "$1" "$watch" -vv watch -i lo --candidate "http://127.0.0.1:$((port + 1))" --policy "$folder/$1.yaml" \
    --run "$folder/run-$1-$pause-$run" --output json --serve "${serve[$1]}" tcp port "$port"
}
# A page that follows it.
look() {
  inside curl -sN "http://${serve[$1]}/events" >"$folder/events-$1" &
  while sleep 2; do inside curl -s "http://${serve[$1]}/" >"$folder/page-$1"; done
}
whole() { awk '{ n += $1 } END { print n }' /proc/"$1"/task/*/schedstat; }
of_trials() { grep -o 'rules tried on .*' "$folder/$1.err" | tail -1; }

# Milliseconds between the requests of each of ten connections: about 1,000 and 100 a second.
for pause in 10 100; do
  for run in $(seq "$runs"); do
    : >"$folder/tried.err"; : >"$folder/untried.err"
    # Whoever is started first must not be the same each time.
    if [ $((run % 2)) = 0 ]; then watching tried && watching untried; else watching untried && watching tried; fi
    look tried & first=$!
    look untried & second=$!
    requests=$(inside wrk -t1 -c10 -d"$seconds" -s "$folder/load.lua" "http://127.0.0.1:$port" -- "$pause" | sed -n 's/^ *\([0-9]*\) requests in.*/\1/p')
    declare -A all=()
    for name in tried untried; do all[$name]=$(whole "$(cat "$folder/$name.pid")"); done
    live=$(of_trials tried)
    kill "$first" "$second" && wait "$first" "$second" 2>/dev/null || true
    kill -INT "$(cat "$folder/tried.pid")" "$(cat "$folder/untried.pid")"
    wait
    echo "== $requests requests, run $run, $(grep -c '^event:' "$folder/events-tried" || true) views"
    awk -v a="${all[tried]}" -v b="${all[untried]}" 'BEGIN {
      printf "   processor time while it goes on: %.0f ms, not trying %.0f ms: %+.1f %%\n", a / 1e6, b / 1e6, (a / b - 1) * 100 }'
    echo "   of it, $live"
    echo "   at the end, $(of_trials untried)"
    figure() { grep -o "\"$2\":.*" "$folder/$1.out" | head -1 | grep -o "\"$3\":[0-9]*" | head -1 | cut -d: -f2; }
    echo "   compared $(figure tried shadow compared), not trying $(figure untried shadow compared)"
  done
done
