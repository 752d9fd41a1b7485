#!/bin/sh
# mstore-serve: HTTP/2 by real clients, with TLS and without; and who abuses it.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"
need 'no openssl' openssl version
need 'no nghttp' nghttp --version

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
	-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
	-keyout key.pem -out cert.pem 2>/dev/null
head -c 20000000 /dev/urandom >big
head -c 4096 /dev/urandom >small
i=0
while [ $i -lt 200 ]; do i=$((i + 1)); echo "#EXTINF:4.0," ; echo "v1/$i.m4s"; done >list
serve -l https://127.0.0.1:0 --tls-cert cert.pem --tls-key key.pem --threads 2 \
	--access-log access.log --send-timeout 2s --head-timeout 2s --max-memory 64Mi \
	--cache-memory 8Mi
tls=$(sed -n 's/.*listening on \(https:.*\)/\1/p' serve.log)
port=${url##*:}
plain=$url
export tls port plain
metric () {
	curl -sf "$admin/metrics" | sed -n "s|^$1 ||p"
}
h2 () {
	case $base in
	https:*) curl -s --http2 --cacert cert.pem "$@" ;;
	*) curl -s --http2-prior-knowledge "$@" ;;
	esac
}
memory () {		# resident, KiB
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status"
}

for base in "$plain" "$tls"
do
	export base
	how=${base%%:*}
	case $base in
	https:*) flags="--http2 --cacert cert.pem" ;;
	*) flags=--http2-prior-knowledge ;;
	esac
	export flags
	check "$how: PUT and GET, of known length and not, byte by byte" '
		h2 -w "%{http_version} %{http_code}\n" -o out -T big "$base/a/big.ts" | grep "^2 20[14]"
		h2 -f "$base/a/big.ts" | cmp - big
		h2 -f -T - "$base/a/big2.ts" <big
		h2 -f "$base/a/big2.ts" | cmp - big
		curl -sf "$plain/a/big2.ts" | cmp - big
		h2 -f -T small "$base/a/small.ts"
		h2 -f "$base/a/small.ts" | cmp - small
		h2 -f -T list "$base/a/list.m3u8"
		h2 -f --compressed "$base/a/list.m3u8" | cmp - list
		: >empty
		h2 -f -T empty "$base/a/empty.ts"
		h2 -f "$base/a/empty.ts" | cmp - empty
	'
	check "$how: HEAD, ranges, conditions, errors, deletion" '
		h2 -fI "$base/a/big.ts" | grep "^content-length: 20000000"
		h2 -f -r 1000000-9999999 "$base/a/big.ts" >got
		tail -c +1000001 big | head -c 9000000 | cmp - got
		h2 -o out -w "%{http_code}\n" -H "If-None-Match: *" "$base/a/big.ts" | grep 304
		h2 -o out -w "%{http_code}\n" "$base/none" | grep 404
		h2 -o out -w "%{http_code}\n" -r 99999999- "$base/a/big.ts" | grep 416
		h2 -o out -w "%{http_code}\n" -T small -H "If-Match: \"x\"" "$base/a/small.ts" | grep 412
		h2 -o out -w "%{http_code}\n" -T big -H "If-Match: \"x\"" "$base/a/big.ts" | grep 412
		h2 -o out -w "%{http_code}\n" -X DELETE "$base/a/empty.ts" | grep 204
	'
	check "$how: an object that grows is followed; a range of it, too" '
		rm -f in got got1 part
		mkfifo in
		curl -s $flags -T - "$base/a/grow.ts" <in & wpid=$!
		exec 7>in
		printf first >&7
		eventually h2 -f -m 1 -o /dev/null -I "$base/a/grow.ts"
		curl -s $flags -N "$base/a/grow.ts" >got 7>&- & rpid=$!
		curl -s $flags -N -r 3- "$base/a/grow.ts" >part 7>&- & ppid=$!
		curl -sN "$plain/a/grow.ts" >got1 7>&- & qpid=$!
		eventually grep first got
		eventually grep first got1
		printf second >&7
		eventually grep firstsecond got
		eventually grep firstsecond got1
		cat big >&7
		exec 7>&-
		wait $wpid
		wait $rpid
		wait $qpid
		wait $ppid
		{ printf firstsecond; cat big; } >want
		cmp want got
		cmp want got1
		tail -c +4 want | cmp - part
	'
	check "$how: a writer that dies leaves nothing, and its readers see no clean end" '
		rm -f in got got1 part
		mkfifo in
		curl -s $flags -T - "$base/a/die.ts" <in & wpid=$!
		exec 7>in
		printf first >&7
		eventually h2 -f -m 1 -o /dev/null -I "$base/a/die.ts"
		curl -s $flags -N "$base/a/die.ts" >got 7>&- & rpid=$!
		eventually grep first got
		kill -9 $wpid
		exec 7>&-
		status=0
		wait $rpid || status=$?
		echo "the reader ends with $status"
		test "$status" -ne 0
		gone () {
			h2 -o out -w "%{http_code}\n" "$base/a/die.ts" | grep 404
		}
		eventually gone
	'
	check "$how: a reader that dies in the middle harms nobody" '
		curl -s $flags --limit-rate 1M "$base/a/big.ts" >got & rpid=$!
		eventually test -s got
		kill -9 $rpid
		h2 -f "$base/a/big.ts" | cmp - big
	'
	check "$how: 200 streams in two connections, all at once" '
		before=$(metric mstore_h2_stream_count)
		h2load -n 2000 -c 2 -m 100 "$base/a/small.ts" >out
		grep "2000 succeeded, 0 failed" out
		h2load -n 200 -c 2 -m 100 "$base/a/big.ts" >out
		grep "200 succeeded, 0 failed" out
		grep -i "traffic: .*(4000" out
		test "$(metric mstore_h2_stream_count)" -ge $((before + 2200))
	'
	check "$how: frames larger than usual, and windows smaller" '
		nghttp -n --no-dep "$base/a/big.ts" -s >out
		grep " 200 .*/a/big.ts" out
		h2load -n 4 -w 14 -W 15 "$base/a/big.ts" >out
		grep "4 succeeded, 0 failed" out
	'
done
check 'expect: 100-continue' '
	curl -s -v --http2-prior-knowledge -H "Expect: 100-continue" -T small "$plain/a/e.ts" -o out 2>err
	grep "^< HTTP/2 100" err
	grep "^< HTTP/2 20[14]" err
'
check 'the protocol in log and numbers' '
	eventually grep "GET /a/big.ts HTTP/2.0. 200" access.log
	test "$(metric "mstore_protocol_count{protocol=\"http/2\"}")" -gt 4000
	test "$(metric mstore_h2_abuse_count)" -eq 0
'
check 'writing by HTTP/2 obeys the same rules' '
	curl -s --http2-prior-knowledge -o out -w "%{http_code}\n" -T small -H "Host: evil.example" "$plain/a/x.ts" | grep 403
'
abuse () {
	perl "$top/t/h2-abuse.pl" "$port" "$1" >out 2>&1 || { cat out; return 1; }
	cat out
}
before=$(memory)
export before
for kind in reset made-reset ping settings empty continuation bomb
do
	export kind
	check "abuse: $kind ends the connection, and others are served meanwhile" '
		abuse $kind & apid=$!
		curl -sf -m 10 "$plain/a/small.ts" | cmp - small
		wait $apid
		curl -sf -m 10 --http2-prior-knowledge "$plain/a/small.ts" | cmp - small
	'
done
for kind in window-0 never-reads slow-head idle-stall
do
	export kind
	check "abuse: $kind is cut off in time" '
		abuse $kind
		curl -sf -m 10 --http2-prior-knowledge "$plain/a/small.ts" | cmp - small
	'
done
check 'memory did not grow by it, and the abuse is counted' '
	after=$(memory)
	echo "$before KiB before, $after KiB after"
	test "$after" -lt $((before + 40000)) -o -n "$(ldd "$BUILD/mstore-serve" | grep asan)"
	test "$(metric mstore_h2_abuse_count)" -ge 4
	eventually sh -c "test \$(curl -sf $admin/metrics | sed -n \"s/^mstore_connections //p\") -le 1"
'
check 'a stop lets streams end, and takes no new ones' '
	rm -f in got got1 part
	mkfifo in
	curl -s --http2-prior-knowledge -T - "$plain/a/last.ts" <in & wpid=$!
	exec 7>in
	printf before >&7
	eventually curl -sf -m 1 -o /dev/null -I "$plain/a/last.ts"
	kill $pid
	eventually sh -c "! curl -s -m 1 $plain/ -o /dev/null" 7>&-
	printf after >&7
	exec 7>&-
	wait $wpid
	printf beforeafter | cmp - root/a/last.ts
'
wait "$pid"
status=$?
pid=
export status
check 'and ends well' 'test "$status" -eq 0'
done_testing
