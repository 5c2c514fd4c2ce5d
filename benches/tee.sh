#!/usr/bin/env bash
# What standing in line costs the clients, and what a bad candidate does to them: a web server under wrk, asked straight, and
# through nginx as a plain proxy, through HAProxy as a TCP proxy, through nginx with `mirror`, and through `tapcompare tee`, one
# after the other in rounds, so that a machine that changes its speed changes all of them. Of the candidate (the same server at
# another port) a hundred requests a second are asked at most.
# Root is needed (a network of its own), and nginx and wrk; HAProxy is left out where it is not installed.
# Usage: benches/tee.sh [SECONDS [ROUNDS [BODY]]]; BODY: small, 4k or 64k. TAPCOMPARE_BINARY names another build.
set -euo pipefail
cd "$(dirname "$0")/.."
. benches/harness.sh
rounds=${2:-5}
body=${3:-4k}

proxied=$((port + 10)) mirrored=$((port + 20)) tcp=$((port + 30)) silent=$((port + 40))
# Two nginx more, each one process as the server is: a proxy, and three that mirror, to a candidate that answers, one that
# takes 200 ms (a server that limits its rate answers late), and one that never answers.
cat >"$folder/proxy.conf" <<CONF
worker_processes 1; pid $folder/proxy.pid; error_log $folder/proxy.log;
events { worker_connections 8192; }
http {
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path $folder/11; proxy_temp_path $folder/12; fastcgi_temp_path $folder/13;
  uwsgi_temp_path $folder/14; scgi_temp_path $folder/15;
  upstream legacy { server 127.0.0.1:$port; keepalive 64; }
  upstream good { server 127.0.0.1:$((port + 1)); keepalive 64; }
  upstream mute { server 127.0.0.1:$silent; keepalive 64; }
  proxy_http_version 1.1; proxy_set_header Connection "";
  server { listen 127.0.0.1:$proxied; location / { proxy_pass http://legacy; } }
  server { listen 127.0.0.1:$mirrored;
    location / { mirror /m; proxy_pass http://legacy; }
    location = /m { internal; proxy_pass http://good\$request_uri; } }
  server { listen 127.0.0.1:$((mirrored + 1));
    location / { mirror /m; proxy_pass http://legacy; }
    location = /m { internal; proxy_pass http://mute\$request_uri; } }
}
CONF
inside nginx -c "$folder/proxy.conf"
# Takes connections and requests, and says nothing.
(exec ip netns exec "$network" python3 -c "
import socket
s = socket.create_server(('127.0.0.1', $silent), backlog=4096)
kept = []
while True:
    kept.append(s.accept()[0])") >/dev/null 2>&1 &
mute=$!
cleanup() {
  [ -s "$folder/proxy.pid" ] && kill "$(cat "$folder/proxy.pid")"
  [ -s "$folder/haproxy.pid" ] && kill "$(cat "$folder/haproxy.pid")"
  kill "$mute" 2>/dev/null || true
  for tee in good silent; do [ -s "$folder/$tee.pid" ] && kill -KILL "$(cat "$folder/$tee.pid")" 2>/dev/null; done
  wait 2>/dev/null || true
  finish
}
trap cleanup EXIT
ways=(straight "nginx" "nginx mirror" "nginx mirror, silent" "tapcompare tee" "tapcompare tee, silent")
if command -v haproxy >/dev/null; then
  ways=("${ways[@]:0:2}" "HAProxy tcp" "${ways[@]:2}")
  cat >"$folder/haproxy.cfg" <<CONF
global
  nbthread 2
  maxconn 8192
defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
listen legacy
  bind 127.0.0.1:$tcp
  server legacy 127.0.0.1:$port
CONF
  inside haproxy -D -p "$folder/haproxy.pid" -f "$folder/haproxy.cfg"
fi

# A tee with a candidate at that port, listening at the other.
stand() {
  local name=$1 listen=$2 candidate=$3
  : >"$folder/$name.err"
  (exec ip netns exec "$network" bash -c "echo \$\$ >$folder/$name.pid; exec \"\$@\"" bash "$watch" tee --user root \
    --listen "127.0.0.1:$listen" --legacy "http://127.0.0.1:$port" --candidate "http://127.0.0.1:$candidate" \
    --policy "$folder/policy.yaml" --run "$folder/$name.run" --output json) >"$folder/$name.out" 2>"$folder/$name.err" &
  until grep -q 'passing on' "$folder/$name.err"; do sleep 0.05; done
}
stand good $((port + 50)) $((port + 1))
stand silent $((port + 51)) "$silent"

declare -A at=(
  [straight]=$port [nginx]=$proxied ["HAProxy tcp"]=$tcp ["nginx mirror"]=$mirrored
  ["nginx mirror, silent"]=$((mirrored + 1)) ["tapcompare tee"]=$((port + 50)) ["tapcompare tee, silent"]=$((port + 51))
)
for ((round = 0; round < rounds; round++)); do
  for way in "${ways[@]}"; do
    inside wrk -t1 -c32 -d"$seconds" --latency "http://127.0.0.1:${at[$way]}/$body" >"$folder/wrk"
    rate=$(sed -n 's/^Requests\/sec: *//p' "$folder/wrk")
    late=$(sed -n 's/^ *99% *//p' "$folder/wrk")
    errors=$(grep -E 'Socket errors|Non-2xx' "$folder/wrk" | tr -s ' ' | tr '\n' ';' || true)
    printf '%s\t%s\t%s\t%s\n' "$way" "$rate" "$late" "$errors" >>"$folder/rounds"
  done
done
echo "== $body, $rounds rounds of $seconds s: median requests a second, of those asked straight, median of the 99th percentiles"
python3 - "$folder/rounds" "${ways[@]}" <<'PY'
import sys, statistics
unit = {'us': 1e-3, 'ms': 1.0, 's': 1e3, 'm': 6e4}
def ms(text):
    number = text.rstrip('usm')
    return float(number) * unit[text[len(number):]]
rows = [line.rstrip('\n').split('\t') for line in open(sys.argv[1])]
straight = [float(r[1]) for r in rows if r[0] == 'straight']
for way in sys.argv[2:]:
    mine = [r for r in rows if r[0] == way]
    share = statistics.median(float(r[1]) / s for r, s in zip(mine, straight))
    late = statistics.median(ms(r[2]) for r in mine)
    wrong = ' '.join(sorted({r[3] for r in mine if r[3]}))
    print(f"   {way:26} {statistics.median(float(r[1]) for r in mine):9.0f} {share:7.1%}  p99 {late:8.2f} ms  {wrong}")
PY
for name in good silent; do
  pid=$(cat "$folder/$name.pid")
  relay=0 rest=0
  for task in /proc/"$pid"/task/*; do
    spent=$(cut -d' ' -f1 "$task/schedstat")
    case $(cat "$task/comm") in relay | tee) relay=$((relay + spent)) ;; *) rest=$((rest + spent)) ;; esac
  done
  peak=$(sed -n 's/^VmHWM:\s*\([0-9]*\) kB/\1/p' "/proc/$pid/status")
  kill -TERM "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
  python3 - "$folder/$name.out" "$name" "$relay" "$rest" "$peak" <<'PY'
import json, sys
ledger = json.load(open(sys.argv[1]))['snapshot']['ledger']
tee, wire, shadow = ledger['capture']['tee'], ledger['wire'], ledger['shadow']
n = max(wire['requests'], 1)
shed = tee['from_clients']['shed'] + tee['from_legacy']['shed']
all = tee['from_clients']['relayed'] + tee['from_legacy']['relayed']
print(f"   the tee with the {sys.argv[2]} candidate: {wire['requests']} requests seen, {wire['requests_paired']} paired, "
      f"{shed} of {all} bytes shed, {shadow['sent']} sent; CPU a request: relay {int(sys.argv[3]) // n} ns, the rest "
      f"{int(sys.argv[4]) // n} ns; {int(sys.argv[5]) >> 10} MiB at most")
PY
done
