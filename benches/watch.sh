#!/usr/bin/env bash
# What the whole `watch` costs and whether it sees everything: a web server under wrk at full speed on the loopback of a
# network of its own, watched with a run file, beside `tcpdump -B 65536 -w /dev/null` in the same run. A hundred exchanges a
# second are asked of a candidate (the same server at another port) and compared.
# Root is needed, and nginx, wrk and tcpdump. Usage: benches/watch.sh [SECONDS]
# Memory is that of the process, the kernel's ring of 64 MiB included. TAPCOMPARE_BINARY names another build than the
# release build.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-5}
port=18099

for program in ip nginx wrk tcpdump; do
  command -v "$program" >/dev/null || { echo "watch: $program is not installed" >&2; exit 2; }
done
[ -n "${TAPCOMPARE_BINARY:-}" ] || cargo build --release --locked --quiet
watch=${TAPCOMPARE_BINARY:-target/release/tapcompare}

network=tapcompare-bench-$$
folder=$(mktemp -d)
chmod 777 "$folder"
finish() {
  [ -s "$folder/nginx.pid" ] && kill "$(cat "$folder/nginx.pid")"
  ip netns delete "$network"
  rm -rf "$folder"
}
ip netns add "$network"
trap finish EXIT
ip -n "$network" link set lo up
inside() { ip netns exec "$network" "$@"; }

head -c 200 /dev/zero | tr '\0' x >"$folder/small"
head -c 4096 /dev/zero | tr '\0' x >"$folder/4k"
head -c 65536 /dev/zero | tr '\0' x >"$folder/64k"
cat >"$folder/nginx.conf" <<CONF
worker_processes 1; pid $folder/nginx.pid; error_log $folder/error.log;
events { worker_connections 512; }
http {
  access_log off; keepalive_requests 1000000000; sendfile on;
  client_body_temp_path $folder/1; proxy_temp_path $folder/2; fastcgi_temp_path $folder/3;
  uwsgi_temp_path $folder/4; scgi_temp_path $folder/5;
  server { listen 127.0.0.1:$port; listen 127.0.0.1:$((port + 1)); root $folder; }
}
CONF
inside nginx -c "$folder/nginx.conf"
echo 'safety: {limits: {rate: 100/s}}' >"$folder/policy.yaml"

# The pid is the program's own: it takes the shell's place.
started() {
  local name=$1
  shift
  : >"$folder/$name.err"
  (exec ip netns exec "$network" bash -c "echo \$\$ >$folder/$name.pid; exec \"\$@\"" bash "$@") \
    >"$folder/$name.out" 2>>"$folder/$name.err" &
  until grep -q 'listening on' "$folder/$name.err"; do sleep 0.05; done
}
load() { inside wrk -t1 -c32 -d"$seconds" "http://127.0.0.1:$port/$1" | sed -n 's/^ *\([0-9]*\) requests in.*/\1/p'; }
# The first figure of that name behind a word: the report is one line of JSON.
figure() { grep -o "\"$1\":.*" "$folder/watch.out" | head -1 | grep -o "\"$2\":[0-9]*" | head -1 | cut -d: -f2; }
# Nanoseconds on a processor of the threads named.
spent() {
  local sum=0 task
  for task in /proc/"$1"/task/*; do
    [[ " ${*:2} " != *" $(cat "$task/comm") "* ]] || sum=$((sum + $(cut -d' ' -f1 "$task/schedstat")))
  done
  echo "$sum"
}

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
