#!/bin/sh
# mstore-serve: HTTP/2 by real clients, with TLS and without; and who abuses it.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"
. "$top/t/tls.sh"
. "$top/t/transfers.sh"
need 'no openssl' openssl version
need 'no nghttp' nghttp --version

self_signed cert
samples
serve -l https://127.0.0.1:0 --tls-cert cert.pem --tls-key cert.key --threads 2 \
	--access-log access.log --send-timeout 2s --head-timeout 2s --max-memory 64Mi \
	--cache-memory 8Mi
tls=$(sed -n 's/.*listening on \(https:.*\)/\1/p' serve.log)
port=${url##*:}
plain=$url
export tls port plain
memory () {		# resident, KiB
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status"
}

for base in "$plain" "$tls"
do
	case $base in
	https:*) transfers https 2 "$base" --http2 --cacert cert.pem ;;
	*) transfers http 2 "$base" --http2-prior-knowledge ;;
	esac
	check "$how: a reader that dies in the middle harms nobody" '
		curl -s $options --limit-rate 1M "$base/a/big.ts" >got & rpid=$!
		eventually test -s got
		kill -9 $rpid
		ask -f "$base/a/big.ts" | cmp - big
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
		curl -sf -m 60 "$plain/a/small.ts" | cmp - small
		wait $apid
		curl -sf -m 60 --http2-prior-knowledge "$plain/a/small.ts" | cmp - small
	'
done
for kind in window-0 never-reads slow-head idle-stall
do
	export kind
	check "abuse: $kind is cut off in time" '
		abuse $kind
		curl -sf -m 60 --http2-prior-knowledge "$plain/a/small.ts" | cmp - small
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
