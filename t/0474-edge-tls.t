#!/bin/sh
# What ends TLS before the edge: haproxy and hitch, HTTP/2, streaming, and that
# nobody can purge through them.
. "$(dirname "$0")/lib.sh"
need 'no varnishd' command -v varnishd
. "$top/t/origin.sh"
. "$top/t/varnish.sh"
. "$top/t/tls.sh"

certify
cat tls.pem tls.key >both.pem
origin one
# This machine may purge by itself, so the list is another.
edge e --probe none --purge 192.0.2.1 "$url"
head -c 3000000 /dev/urandom >whole
curl -sf -T whole -o /dev/null "$url/live/whole.mp4"

# What is asked of each, by way of port.
ask () {
	curl -s --http2 --cacert ca.pem "$@"
}
through () {
	front=https://127.0.0.1:$port
	check "$1: HTTP/2 by ALPN, byte by byte" '
		ask -o got -w "%{http_version} %{http_code}\n" "$front/live/whole.mp4" >said
		grep -qx "2 200" said
		cmp got whole
	'
	check "$1: HTTP/1.1 for who wants that" '
		ask --http1.1 -o got -w "%{http_version}\n" "$front/live/whole.mp4" | grep -qx 1.1
		cmp got whole
	'
	growing "/live/$1.m4s"
	head -c 20000 whole >&9
	(exec 9>&-; ask -N -o grows.got "$front/live/$1.m4s") & whole=$!
	(exec 9>&-; ask -N -r 5000- -o tail.got "$front/live/$1.m4s") & tail=$!
	check "$1: what grows comes as it grows" '
		eventually test -s grows.got
		reached () {
			test "$(wc -c <"$1")" -eq "$2"
		}
		eventually reached grows.got 20000
		eventually reached tail.got 15000
	'
	tail -c +20001 whole | head -c 20000 >&9
	grown
	ends=0
	wait "$whole" || ends=$?
	wait "$tail" || ends=$?
	export ends
	check "$1: to its end" '
		test "$ends" -eq 0
		head -c 40000 whole | cmp - grows.got
		head -c 40000 whole | tail -c +5001 | cmp - tail.got
	'
	check "$1: nobody purges or writes" '
		for method in PURGE BAN PUT DELETE
		do
			test "$(ask -X $method -o got -w "%{http_code}" "$front/live/whole.mp4")" = 405
		done
	'
	rm -f grows.got tail.got
}

if command -v haproxy >/dev/null
then
	port=$(free_port)
	medge-conf --tls haproxy --cert both.pem -l "127.0.0.1:$port" --proxy "$proxied" \
		>haproxy.cfg
	haproxy -db -f haproxy.cfg >haproxy.log 2>&1 & started haproxy $!
	eventually listening "$port" || bail haproxy
	through haproxy
else
	skip haproxy 'no haproxy'
fi
# hitch refuses to be root: then it gives that up for nobody.
if command -v hitch >/dev/null
then
	port=$(free_port)
	medge-conf --tls hitch --cert both.pem -l "127.0.0.1:$port" --proxy "$proxied" \
		>hitch.conf
	set --
	test "$(id -u)" -ne 0 || set -- --user=nobody
	hitch "$@" --config=hitch.conf >hitch.log 2>&1 & started hitch $!
	eventually listening "$port" || bail hitch
	through hitch
else
	skip hitch 'no hitch'
fi
stop_all
done_testing
