#!/bin/sh
# The origin: requests and bytes per CPU-second beside nginx, thousands of readers
# of one growing object, and thousands that wait for the next part of a playlist.
#
# Objects of 4 KB and 1 MB over 64 connections, one worker or loop each, in turn,
# the best of three; CPU time is the server's, from /proc.  nginx (and wrk, which
# asks) are from Debian: nginx has sendfile, open_file_cache and no log, and is
# asked with tcp_nopush and without: which is faster depends on the congestion
# control of the system, of which mstore-serve is independent on loopback.  The
# readers are measured beside a server that does only the sending (follow-floor).
#
#	READERS=5000 WAITING=15000 SECONDS_EACH=3
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$top/build}
PATH=$BUILD:$BUILD/t/helper:/usr/sbin:$PATH
readers=${READERS:-5000}
time=${SECONDS_EACH:-3}
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
pids=
trap 'kill $pids 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 .
mkdir root
head -c 4096 /dev/urandom >root/4k.m4s
head -c 1048576 /dev/urandom >root/1m.m4s

ticks () {
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}
peak () {
	awk '/^VmHWM/ { print $2 " kB" }' "/proc/$1/status"
}

: >log
mstore-serve -l 127.0.0.1:0 --root root 2>log &
ours=$!
pids=$ours
until grep -q listening log; do sleep 0.05; done
our_url=http://$(sed -n 's/.*listening on //p' log)

# measure NAME PID URL: a line "NAME requests-per-CPU-second requests-per-second"
measure () {
	before=$(ticks "$2")
	wrk -t1 -c64 "-d${time}s" "$3" >wrk.out
	after=$(ticks "$2")
	awk -v name="$1" -v t="$((after - before))" -v hz="$(getconf CLK_TCK)" '
		/requests in/ { n = $1 }
		/^Requests\/sec/ { rate = $2 }
		END { print name, int(n * hz / (t + !t)), int(rate) }' wrk.out
}

if command -v wrk >/dev/null && command -v nginx >/dev/null
then
	port=$((20000 + $$ % 12000))
	cat >nginx.conf <<-END
	daemon off; worker_processes 1; pid $dir/nginx.pid; error_log $dir/nginx.log;
	events { worker_connections 4096; multi_accept on; }
	http {
		access_log off; sendfile on; tcp_nodelay on; etag on;
		keepalive_requests 1000000000; root $dir/root;
		open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;
		add_header Access-Control-Allow-Origin *;
		add_header Cache-Control "public, max-age=31536000, immutable";
		server { listen 127.0.0.1:$port; }
		server { listen 127.0.0.1:$((port + 1)); tcp_nopush on; }
	}
	END
	nginx -e "$dir/nginx.log" -c "$dir/nginx.conf" &
	pids="$pids $!"
	until curl -sf -o out "http://127.0.0.1:$port/4k.m4s"; do sleep 0.05; done
	worker=$(ps -o pid= --ppid "$(cat nginx.pid)" | head -n 1 | tr -d ' ')
	echo "congestion control: $(cat /proc/sys/net/ipv4/tcp_congestion_control)"
	for object in 4k 1m
	do
		for _ in 1 2 3
		do
			measure mstore-serve "$ours" "$our_url/$object.m4s"
			measure nginx "$worker" "http://127.0.0.1:$port/$object.m4s"
			measure nginx "$worker" "http://127.0.0.1:$((port + 1))/$object.m4s"
		done >"$object"
		awk -v object="$object" -v size="$(wc -c <root/$object.m4s)" '
			$2 > best[$1] { best[$1] = $2 }
			$3 > rate[$1] { rate[$1] = $3 }
			END {
				for (name in best)
					printf "%s %-13s %7d requests, %6.2f GB per CPU-second; " \
						"%7d requests per second\n", object, name,
						best[name], best[name] * size / 1e9, rate[name]
				printf "%s ratio %.2f, %.2f\n", object,
					best["mstore-serve"] / best["nginx"],
					rate["mstore-serve"] / rate["nginx"]
			}' "$object"
	done
	echo "peak memory: mstore-serve $(peak "$ours"), nginx worker $(peak "$worker")"
else
	echo "wrk or nginx is missing: nothing to compare with (apt-get install wrk nginx-light)"
fi

# One object, 20 pieces of 75 kB, one each 200 ms: 3 Mb/s for each reader.  The
# floor is a server that does nothing else.
follow-floor >floor &
floor=$!
pids="$pids $floor"
until test -s floor; do sleep 0.05; done

# follow NAME PID PORT READERS
follow () {
	before=$(ticks "$2")
	follow-load "$3" "/grow/$4.$round.m4s" "$4" 75000 20 200 >out
	after=$(ticks "$2")
	echo "following $1: $(cat out) server_cpu_s=$(awk -v t="$((after - before))" \
		-v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f", t / hz }')" | tee -a followed
}
for round in 1 2 3
do
	follow mstore-serve "$ours" "${our_url##*:}" "$readers"
	follow floor "$floor" "$(cat floor)" "$readers"
done
tr '=:' '  ' <followed | awk '
	{
		for (i = 3; i < NF; i++)
			if ($i == "p99_ms" || $i == "server_cpu_s") {
				k = $2 " " $i
				if (!(k in best) || $(i + 1) < best[k])
					best[k] = $(i + 1)
			}
	}
	END {
		printf "following ratio: p99 %.2f, CPU %.2f of the floor\n",
			best["mstore-serve p99_ms"] / best["floor p99_ms"],
			best["mstore-serve server_cpu_s"] / best["floor server_cpu_s"]
	}'
echo "peak memory: mstore-serve $(peak "$ours")"

# A server of its own, so that what it takes is what those who wait cost.
: >log
mkdir waits
mstore-serve -l 127.0.0.1:0 --root waits --max-connections 18000 2>log &
waits=$!
pids="$pids $waits"
until grep -q listening log; do kill -0 "$waits"; sleep 0.05; done
url=$(sed -n 's/.*listening on //p' log)
hold-load "${url##*:}" /live/p.m3u8 "${WAITING:-15000}" $waits 5
