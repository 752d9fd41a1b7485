#!/bin/sh
# The origin beside nginx, as HTTP/1.1 and HTTP/2, with TLS and without: whole objects
# of 4 KB, 64 KB and 1 MB, handshakes, and memory.
#
# 32 connections, with HTTP/2 of 8 streams each; one worker or loop; by turns, the
# median of all rounds.  CPU time is the server's, from /proc, and what is asked by
# (h2load, wrk for handshakes) runs beside it on the same machine.  nginx is Debian's,
# with sendfile, tcp_nopush, open_file_cache and no log, and with frames and reads as
# large as it takes them.  Certificate and cipher are the same for both.
# With root's rights, all are in a network of their own where nothing is paced, since
# mstore-serve sends so on loopback, whatever the system does, and nginx does not.
#
#	ROUNDS=5 SECONDS_EACH=2 OBJECTS="4k 64k 1m" MODES="h1 h2c tls-h1 tls-h2"
#	KEYS="ecdsa rsa"
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$top/build}
PATH=$BUILD:/usr/sbin:$PATH
rounds=${ROUNDS:-5}
time=${SECONDS_EACH:-2}
for need in nginx h2load wrk openssl
do
	command -v $need >/dev/null || {
		echo "$need is missing: nothing to compare (apt-get install nginx-light" \
			"nghttp2-client wrk openssl)"
		exit 0
	}
done
if test -z "${ALONE:-}" && unshare -n true 2>/dev/null
then
	export ALONE=1
	exec unshare -n sh -c 'ip link set lo up
		echo reno >/proc/sys/net/ipv4/tcp_congestion_control
		exec sh "$0"' "$0"
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
pids=
trap 'kill $pids 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 .
mkdir root
head -c 4096 /dev/urandom >root/4k.m4s
head -c 65536 /dev/urandom >root/64k.m4s
head -c 1048576 /dev/urandom >root/1m.m4s
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
	-subj /CN=localhost -keyout ecdsa.key -out ecdsa.pem 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 2 \
	-subj /CN=localhost -keyout rsa.key -out rsa.pem 2>/dev/null

ticks () {
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}
peak () {
	awk '/^VmHWM/ { print $2 " kB" }' "/proc/$1/status"
}
# ours KEY: set pid, plain and tls, ports of an mstore-serve with that certificate
ours () {
	: >log
	cp -r root "root-$1"
	mstore-serve -l 127.0.0.1:0 -l https://127.0.0.1:0 --root "root-$1" \
		--tls-cert "$1.pem" --tls-key "$1.key" 2>log &
	pid=$!
	pids="$pids $pid"
	until test "$(grep -c listening log)" -eq 2; do
		kill -0 "$pid" || { cat log; exit 1; }
		sleep 0.05
	done
	plain=$(sed -n 's/.*listening on 127.*://p' log)
	tls=$(sed -n 's/.*listening on https:.*://p' log)
}
ours rsa
rsa_pid=$pid rsa_tls=$tls
ours ecdsa
port=$((20000 + $$ % 12000))
cat >nginx.conf <<-END
	daemon off; worker_processes 1; pid $dir/nginx.pid; error_log $dir/nginx.log;
	events { worker_connections 4096; multi_accept on; }
	http {
		access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; etag on;
		keepalive_requests 1000000000; root $dir/root;
		output_buffers 2 256k; http2_chunk_size 16k; ssl_buffer_size 16k;
		open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;
		add_header Access-Control-Allow-Origin *;
		add_header Cache-Control "public, max-age=31536000, immutable";
		server { listen 127.0.0.1:$port; }
		server { listen 127.0.0.1:$((port + 1)) http2; }
		server {
			listen 127.0.0.1:$((port + 2)) ssl http2;
			ssl_certificate $dir/ecdsa.pem; ssl_certificate_key $dir/ecdsa.key;
			ssl_protocols TLSv1.2 TLSv1.3;
		}
		server {
			listen 127.0.0.1:$((port + 3)) ssl http2;
			ssl_certificate $dir/rsa.pem; ssl_certificate_key $dir/rsa.key;
			ssl_protocols TLSv1.2 TLSv1.3;
		}
	}
END
nginx -e "$dir/nginx.log" -c "$dir/nginx.conf" &
pids="$pids $!"
until curl -sf -o out "http://127.0.0.1:$port/4k.m4s"; do sleep 0.05; done
worker=$(ps -o pid= --ppid "$(cat nginx.pid)" | head -n 1 | tr -d ' ')

# spent NAME PID BYTES COMMAND...: a line "NAME requests CPU-ticks seconds" of what it
# asks.  Requests of so many bytes count as far as they have come: many are under
# way at the end.
spent () {
	name=$1 whose=$2 size=$3
	shift 3
	before=$(ticks "$whose")
	"$@" >load.out 2>&1
	after=$(ticks "$whose")
	awk -v name="$name" -v size="$size" -v t=$((after - before)) '
		/requests in/ { n = $1; s = $4 + 0 }		# wrk
		/^finished in/ { s = $3 + 0 }			# h2load
		/^requests:/ { bad = $10 + $12 }
		/^traffic:/ { gsub(/[()]/, ""); n = $(NF - 1) / size }
		END {
			if (n == 0 || bad > 0)
				exit 1
			print name, n, t, s
		}' load.out || { cat load.out >&2; exit 1; }
}
# ratio TITLE BYTES <LINES: medians of both, and how we stand to nginx
ratio () {
	sort | awk -v title="$1" -v size="$2" -v hz="$(getconf CLK_TCK)" '
		function median(list, n,    i, j, x) {
			for (i = 2; i <= n; i++)
				for (j = i; j > 1 && list[j] < list[j - 1]; j--) {
					x = list[j]; list[j] = list[j - 1]; list[j - 1] = x
				}
			return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
		}
		function take(name,    i) {
			cost[name] = median(c, n); rate[name] = median(r, n); n = 0
		}
		$1 != last && last != "" { take(last) }
		{ last = $1; c[++n] = $2 * hz / ($3 + !$3); r[n] = $2 / $4 }
		END {
			take(last)
			a = "mstore-serve"; b = "nginx"
			printf "%-16s per CPU-second %7d : %7d = %.2f   per second %7d : %7d = %.2f",
				title, cost[a], cost[b], cost[a] / cost[b],
				rate[a], rate[b], rate[a] / rate[b]
			if (size > 0)
				printf "   MB per CPU-second %d : %d", cost[a] * size / 1e6,
					cost[b] * size / 1e6
			printf "\n"
		}'
}

echo "congestion control: $(cat /proc/sys/net/ipv4/tcp_congestion_control)"
echo "requests, mstore-serve : nginx"
for mode in ${MODES:-h1 h2c tls-h1 tls-h2}
do
	case $mode in
	h1) flags=--h1 streams=1 scheme=http theirs=$port mine=$plain ;;
	h2c) flags="" streams=8 scheme=http theirs=$((port + 1)) mine=$plain ;;
	tls-h1) flags=--h1 streams=1 scheme=https theirs=$((port + 2)) mine=$tls ;;
	tls-h2) flags="" streams=8 scheme=https theirs=$((port + 2)) mine=$tls ;;
	esac
	for object in ${OBJECTS:-4k 64k 1m}
	do
		for _ in $(seq "$rounds")
		do
			# No flags are none.
			# shellcheck disable=SC2086
			for server in "mstore-serve $pid $mine" "nginx $worker $theirs"
			do
				set -- $server
				spent "$1" "$2" "$(wc -c <"root/$object.m4s")" h2load $flags -c 32 -m $streams -D "$time" \
					"$scheme://127.0.0.1:$3/$object.m4s"
			done
		done >lines
		ratio "$mode $object" "$(wc -c <"root/$object.m4s")" <lines
	done
done
# Each request by a new connection, a whole handshake.
for key in ${KEYS-ecdsa rsa}
do
	case $key in
	ecdsa) theirs=$((port + 2)) mine=$tls server=$pid ;;
	rsa) theirs=$((port + 3)) mine=$rsa_tls server=$rsa_pid ;;
	esac
	for _ in $(seq "$rounds")
	do
		spent mstore-serve "$server" 0 wrk -t1 -c32 -d"${time}s" -H 'Connection: close' \
			"https://127.0.0.1:$mine/4k.m4s"
		spent nginx "$worker" 0 wrk -t1 -c32 -d"${time}s" -H 'Connection: close' \
			"https://127.0.0.1:$theirs/4k.m4s"
	done >lines
	ratio "handshake $key" 0 <lines
done
echo "peak memory: mstore-serve $(peak "$pid"), nginx worker $(peak "$worker")"
