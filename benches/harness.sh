# What benches/watch.sh and benches/serve.sh share: a web server and a load in a network of their own. To be sourced by a
# script in this folder, with the seconds of a load as its argument.

seconds=${1:-5}
port=18099

for program in ip nginx wrk tcpdump; do
  command -v "$program" >/dev/null || { echo "${0##*/}: $program is not installed" >&2; exit 2; }
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
