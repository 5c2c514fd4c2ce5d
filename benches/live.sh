#!/usr/bin/env bash
# What listening costs: a web server under wrk on the loopback of a network of its own, listened to in turns by us and by
# tcpdump. Root is needed, and nginx, wrk and tcpdump. Usage: benches/live.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-5}
port=18099

for program in ip nginx wrk tcpdump; do
  command -v "$program" >/dev/null || { echo "live: $program is not installed" >&2; exit 2; }
done
cargo build --release --locked --quiet --example listen
listen=target/release/examples/listen

network=tapcompare-bench-$$
folder=$(mktemp -d)
chmod 755 "$folder"
finish() {
  [ -s "$folder/nginx.pid" ] && kill "$(cat "$folder/nginx.pid")"
  ip netns delete "$network"
  rm -rf "$folder"
}
ip netns add "$network"
trap finish EXIT
ip -n "$network" link set lo up
inside() { ip netns exec "$network" "$@"; }

printf 'hello' >"$folder/small"
head -c 4096 /dev/zero | tr '\0' x >"$folder/4k"
head -c 65536 /dev/zero | tr '\0' x >"$folder/64k"
cat >"$folder/nginx.conf" <<CONF
worker_processes 1; pid $folder/nginx.pid; error_log $folder/error.log;
events { worker_connections 512; }
http {
  access_log off; keepalive_requests 1000000000; sendfile on;
  client_body_temp_path $folder/1; proxy_temp_path $folder/2; fastcgi_temp_path $folder/3;
  uwsgi_temp_path $folder/4; scgi_temp_path $folder/5;
  server { listen 127.0.0.1:$port; root $folder; }
}
CONF
inside nginx -c "$folder/nginx.conf"

load() { inside wrk -t1 -c32 -d"$seconds" "http://127.0.0.1:$port/$1" | sed -n 's/^ *\([0-9]* requests in\)/\1/p'; }

for body in small 4k 64k; do
  echo "== $body, nobody listens: $(load "$body")"

  inside "$listen" lo $((seconds + 3)) "tcp port $port" >"$folder/listen" &
  listening=$!
  sleep 1
  echo "== $body, listen: $(load "$body")"
  wait "$listening"
  cat "$folder/listen"

  # The pid is tcpdump's own: it takes the shell's place.
  (exec ip netns exec "$network" bash -c "echo \$\$ >$folder/tcpdump.pid; exec tcpdump -i lo -B 65536 -w /dev/null 'tcp port $port'") \
    2>"$folder/tcpdump" &
  listening=$!
  sleep 1
  echo "== $body, tcpdump: $(load "$body")"
  sleep 1
  pid=$(cat "$folder/tcpdump.pid")
  spent=$(cut -d' ' -f1 "/proc/$pid/schedstat")
  kill -INT "$pid"
  wait "$listening" || true
  frames=$(sed -n 's/ packets captured//p' "$folder/tcpdump")
  echo "frames $frames cpu $((spent / 1000)) us ($((spent / (frames > 0 ? frames : 1))) ns a frame) $(sed -n 's/ by kernel//p' "$folder/tcpdump")"
done
