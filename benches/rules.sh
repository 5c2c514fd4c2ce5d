#!/usr/bin/env bash
# What putting the rules to the test costs a `watch` that is served and followed by a page: the processor time of the trials, as
# it tells it with -vv, beside that of the whole process.
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

serve=127.0.0.1:7070
watching() {
  started tried "$watch" -vv watch -i lo --candidate "http://127.0.0.1:$((port + 1))" --policy "$folder/tried.yaml" \
    --run "$folder/run-$pause-$run" --output json --serve "$serve" tcp port "$port"
}
# A page that follows it.
look() {
  inside curl -sN "http://$serve/events" >"$folder/events" &
  while sleep 2; do inside curl -s "http://$serve/" >"$folder/page"; done
}
whole() { awk '{ n += $1 } END { print n }' /proc/"$1"/task/*/schedstat; }
of_trials() { grep -o 'rules tried on .*' "$folder/tried.err" | tail -1; }

# Milliseconds between the requests of each of ten connections: about 1,000 and 100 a second.
for pause in 10 100; do
  for run in $(seq "$runs"); do
    : >"$folder/tried.err"
    watching
    look & follower=$!
    requests=$(inside wrk -t1 -c10 -d"$seconds" -s "$folder/load.lua" "http://127.0.0.1:$port" -- "$pause" | sed -n 's/^ *\([0-9]*\) requests in.*/\1/p')
    all=$(whole "$(cat "$folder/tried.pid")")
    live=$(of_trials)
    kill "$follower" && wait "$follower" 2>/dev/null || true
    kill -INT "$(cat "$folder/tried.pid")"
    wait
    echo "== $requests requests, run $run, $(grep -c '^event:' "$folder/events" || true) views"
    awk -v all="$all" -v live="$live" 'BEGIN {
      n = split(live, word, " "); for (i = 2; i <= n; i++) if (word[i] == "us") trials = word[i - 1]
      printf "   processor time while it goes on: %.0f ms, of it for trials %.1f %%\n", all / 1e6, trials * 1e5 / all }'
    echo "   of it, $live"
    echo "   at the end, $(of_trials)"
    figure() { grep -o "\"$1\":.*" "$folder/tried.out" | head -1 | grep -o "\"$2\":[0-9]*" | head -1 | cut -d: -f2; }
    echo "   compared $(figure shadow compared)"
  done
done
